//! The daemon, registries, contexts. Data only: one row a command.

use super::super::row::{Ask, Command, Operands, list, switch, value};
use crate::demand::{Object, Touch};

pub(super) const COMMANDS: &[Command] = &[
    Command::new("completion bash").options(&[&[switch("no-descriptions")]]),
    Command::new("completion fish").options(&[&[switch("no-descriptions")]]),
    Command::new("completion powershell").options(&[&[switch("no-descriptions")]]),
    Command::new("completion zsh").options(&[&[switch("no-descriptions")]]),
    Command::new("context create")
        .options(&[&[value("description"), list("docker"), value("from")]])
        .asks(&[Ask::Configuration]),
    Command::new("context export").asks(&[Ask::Writes]),
    Command::new("context import").asks(&[Ask::Configuration]),
    Command::new("context inspect").options(&[&[value("format").short('f')]]),
    Command::new("context ls").also(&["context list"]).options(&[&[value("format"), switch("quiet").short('q')]]),
    Command::new("context rm")
        .also(&["context remove"])
        .options(&[&[switch("force").short('f')]])
        .asks(&[Ask::Configuration]),
    Command::new("context show"),
    Command::new("context update").options(&[&[value("description"), list("docker")]]).asks(&[Ask::Configuration]),
    Command::new("context use").asks(&[Ask::Configuration]),
    Command::new("events").also(&["system events"]).options(&[&[
        list("filter").short('f'),
        value("format"),
        value("since"),
        value("until"),
    ]]),
    Command::new("info").also(&["system info"]).options(&[&[value("format").short('f')]]),
    Command::new("inspect")
        .options(&[&[value("format").short('f'), switch("size").short('s'), value("type").asks(Ask::ObjectType)]])
        .operands(Operands::Objects(Object::Container, Touch::Look)),
    Command::new("login")
        .options(&[&[
            value("password").short('p').asks(Ask::Password),
            switch("password-stdin"),
            value("username").short('u'),
        ]])
        .asks(&[Ask::Credentials]),
    Command::new("logout").asks(&[Ask::Credentials]),
    Command::new("search").options(&[&[
        list("filter").short('f'),
        value("format"),
        value("limit"),
        switch("no-trunc"),
    ]]),
    Command::new("system df").options(&[&[value("format"), switch("verbose").short('v')]]),
    // The guard serves it, and judges each call.
    Command::new("system dial-stdio"),
    Command::new("system prune")
        .options(&[&[
            switch("all").short('a').asks(Ask::Prunes(Object::Image)),
            list("filter"),
            switch("force").short('f'),
            switch("volumes").asks(Ask::Prunes(Object::Volume)),
        ]])
        .asks(&[Ask::Prunes(Object::Container), Ask::Prunes(Object::Network), Ask::PrunesNameless]),
    Command::new("version").options(&[&[value("format").short('f')]]),
];
