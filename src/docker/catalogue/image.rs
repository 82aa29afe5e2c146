//! Images. Data only: one row a command.

use super::super::row::{Ask, Command, Operands, list, switch, value};
use crate::demand::{Object, Touch};

pub(super) const COMMANDS: &[Command] = &[
    Command::new("history")
        .also(&["image history"])
        .options(&[&[
            value("format"),
            switch("human").short('H'),
            switch("no-trunc"),
            value("platform"),
            switch("quiet").short('q'),
        ]])
        .operands(Operands::Object(Object::Image, Touch::Look)),
    Command::new("image inspect")
        .options(&[&[value("format").short('f'), value("platform")]])
        .operands(Operands::Objects(Object::Image, Touch::Look)),
    Command::new("image prune")
        .options(&[&[
            switch("all").short('a').asks(Ask::Prunes(Object::Image)),
            list("filter"),
            switch("force").short('f'),
        ]])
        .asks(&[Ask::PrunesNameless]),
    Command::new("images").also(&["image list", "image ls"]).options(&[&[
        switch("all").short('a'),
        switch("digests"),
        list("filter").short('f'),
        value("format"),
        switch("no-trunc"),
        switch("quiet").short('q'),
        switch("tree"),
    ]]),
    Command::new("import")
        .also(&["image import"])
        .options(&[&[list("change").short('c').asks(Ask::Change), value("message").short('m'), value("platform")]])
        .operands(Operands::FileAndImage),
    Command::new("load")
        .also(&["image load"])
        .options(&[&[value("input").short('i').asks(Ask::Reads), value("platform"), switch("quiet").short('q')]])
        .asks(&[Ask::AnyName]),
    Command::new("pull")
        .also(&["image pull"])
        .options(&[&[
            switch("all-tags").short('a'),
            switch("disable-content-trust"),
            value("platform"),
            switch("quiet").short('q'),
        ]])
        .operands(Operands::Objects(Object::Image, Touch::Bring)),
    Command::new("push")
        .also(&["image push"])
        .options(&[&[
            switch("all-tags").short('a'),
            switch("disable-content-trust"),
            value("platform"),
            switch("quiet").short('q'),
        ]])
        .operands(Operands::Objects(Object::Image, Touch::Look)),
    Command::new("rmi")
        .also(&["image remove", "image rm", "image rmi"])
        .options(&[&[switch("force").short('f'), switch("no-prune"), list("platform")]])
        .operands(Operands::Objects(Object::Image, Touch::Change)),
    Command::new("save")
        .also(&["image save"])
        .options(&[&[value("output").short('o').asks(Ask::Writes), value("platform")]])
        .operands(Operands::Objects(Object::Image, Touch::Look)),
    Command::new("tag").also(&["image tag"]).stops().operands(Operands::ImageAndName),
];
