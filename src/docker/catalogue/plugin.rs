//! Engine plugins, trust, manifests and checkpoints. Data only: one row a command.

use super::super::row::{Ask, Command, Operands, list, switch, value};
use crate::demand::{Object, Touch};

/// What commands about plugins ask for.
const PLUGINS: Ask = Ask::Control("a plugin is part of the daemon, and runs as root on the host");

pub(super) const COMMANDS: &[Command] = &[
    Command::new("checkpoint create")
        .options(&[&[
            value("checkpoint-dir").asks(Ask::HostSetting("it names a directory on the host")),
            switch("leave-running"),
        ]])
        .operands(Operands::Object(Object::Container, Touch::Change)),
    Command::new("checkpoint ls")
        .also(&["checkpoint list"])
        .options(&[&[value("checkpoint-dir").asks(Ask::HostSetting("it names a directory on the host"))]])
        .operands(Operands::Object(Object::Container, Touch::Look)),
    Command::new("checkpoint rm")
        .also(&["checkpoint remove"])
        .options(&[&[value("checkpoint-dir").asks(Ask::HostSetting("it names a directory on the host"))]])
        .operands(Operands::Object(Object::Container, Touch::Change)),
    Command::new("manifest annotate")
        .options(&[&[value("arch"), value("os"), list("os-features"), value("os-version"), value("variant")]])
        .asks(&[Ask::Configuration]),
    Command::new("manifest create")
        .options(&[&[switch("amend").short('a'), switch("insecure")]])
        .asks(&[Ask::Configuration]),
    Command::new("manifest inspect").options(&[&[switch("insecure"), switch("verbose").short('v')]]),
    Command::new("manifest push")
        .options(&[&[switch("insecure"), switch("purge").short('p')]])
        .asks(&[Ask::Operation("push")]),
    Command::new("manifest rm").asks(&[Ask::Configuration]),
    Command::new("plugin create")
        .options(&[&[switch("compress")]])
        .operands(Operands::NameAndDirectory)
        .asks(&[PLUGINS]),
    Command::new("plugin disable").options(&[&[switch("force").short('f')]]).asks(&[PLUGINS]),
    Command::new("plugin enable").options(&[&[value("timeout")]]).asks(&[PLUGINS]),
    Command::new("plugin inspect").options(&[&[value("format").short('f')]]),
    Command::new("plugin install")
        .options(&[&[
            value("alias"),
            switch("disable"),
            switch("disable-content-trust"),
            switch("grant-all-permissions"),
        ]])
        .asks(&[PLUGINS]),
    Command::new("plugin ls").also(&["plugin list"]).options(&[&[
        list("filter").short('f'),
        value("format"),
        switch("no-trunc"),
        switch("quiet").short('q'),
    ]]),
    Command::new("plugin push").options(&[&[switch("disable-content-trust")]]).asks(&[Ask::Operation("push")]),
    Command::new("plugin rm").also(&["plugin remove"]).options(&[&[switch("force").short('f')]]).asks(&[PLUGINS]),
    Command::new("plugin set").asks(&[PLUGINS]),
    Command::new("plugin upgrade")
        .options(&[&[switch("disable-content-trust"), switch("grant-all-permissions"), switch("skip-remote-check")]])
        .asks(&[PLUGINS]),
    Command::new("trust inspect").options(&[&[switch("pretty")]]),
    Command::new("trust key generate").options(&[&[value("dir").asks(Ask::Writes)]]).asks(&[Ask::Configuration]),
    Command::new("trust key load").options(&[&[value("name")]]).operands(Operands::File).asks(&[Ask::Configuration]),
    Command::new("trust revoke")
        .options(&[&[switch("yes").short('y')]])
        .asks(&[Ask::Operation("push"), Ask::Configuration]),
    Command::new("trust sign").options(&[&[switch("local")]]).asks(&[Ask::Operation("push"), Ask::Configuration]),
    Command::new("trust signer add")
        .options(&[&[list("key").asks(Ask::Reads)]])
        .asks(&[Ask::Operation("push"), Ask::Configuration]),
    Command::new("trust signer remove")
        .options(&[&[switch("force").short('f')]])
        .asks(&[Ask::Operation("push"), Ask::Configuration]),
];
