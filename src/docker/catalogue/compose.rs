//! Compose, the plugin. Data only: one row a command.

use super::super::row::{Ask, Command, Operands, Opt, Use, list, switch, value};

/// Taken at any depth.
const DRY_RUN: &[Opt] = &[switch("dry-run")];

pub(super) const COMMANDS: &[Command] = &[
    Command::new("compose alpha generate").options(&[DRY_RUN, &[value("format"), value("name"), value("project-dir")]]),
    Command::new("compose alpha publish")
        .options(&[
            DRY_RUN,
            &[
                switch("app"),
                switch("insecure-registry"),
                value("oci-version"),
                switch("resolve-image-digests"),
                switch("with-env"),
                switch("yes").short('y'),
            ],
        ])
        .asks(&[Ask::Operation("push"), Ask::Project(Use::Looks)]),
    Command::new("compose alpha viz")
        .options(&[
            DRY_RUN,
            &[switch("image"), value("indentation-size"), switch("networks"), switch("ports"), switch("spaces")],
        ])
        .asks(&[Ask::Project(Use::Looks)]),
    Command::new("compose attach")
        .options(&[DRY_RUN, &[value("detach-keys"), value("index"), switch("no-stdin"), switch("sig-proxy")]])
        .operands(Operands::Services)
        .asks(&[Ask::Project(Use::Changes)]),
    Command::new("compose bridge convert")
        .options(&[
            DRY_RUN,
            &[
                value("output").short('o').asks(Ask::Writes),
                value("templates").asks(Ask::ReadsTree),
                list("transformation").short('t'),
            ],
        ])
        .asks(&[Ask::HostSetting("it mounts directories of the host"), Ask::Project(Use::Looks)]),
    Command::new("compose bridge transformations create")
        .options(&[DRY_RUN, &[value("from").short('f')]])
        .asks(&[Ask::Writes]),
    Command::new("compose bridge transformations list")
        .also(&["compose bridge transformations ls"])
        .options(&[DRY_RUN, &[value("format"), switch("quiet").short('q')]]),
    Command::new("compose build")
        .options(&[
            DRY_RUN,
            &[
                list("build-arg").asks(Ask::Assignment),
                value("builder").asks(Ask::Builder),
                switch("check"),
                switch("compress"),
                switch("force-rm"),
                value("memory").short('m'),
                switch("no-cache"),
                switch("no-rm"),
                switch("parallel"),
                switch("print"),
                value("progress"),
                value("provenance"),
                switch("pull"),
                switch("push").asks(Ask::Operation("push")),
                switch("quiet").short('q'),
                value("sbom"),
                value("ssh").asks(Ask::Program("it reads private keys, or talks to an SSH agent")),
                switch("with-dependencies"),
            ],
        ])
        .operands(Operands::Services)
        .asks(&[Ask::Project(Use::Builds)]),
    Command::new("compose commit")
        .options(&[
            DRY_RUN,
            &[
                value("author").short('a'),
                list("change").short('c').asks(Ask::Change),
                value("index"),
                value("message").short('m'),
                switch("pause").short('p'),
            ],
        ])
        .operands(Operands::Services)
        .asks(&[Ask::Project(Use::Changes)]),
    Command::new("compose config")
        .also(&["compose convert"])
        .options(&[
            DRY_RUN,
            &[
                switch("environment"),
                value("format"),
                value("hash"),
                switch("images"),
                switch("lock-image-digests"),
                switch("models"),
                switch("networks"),
                switch("no-consistency"),
                switch("no-env-resolution"),
                switch("no-interpolate"),
                switch("no-normalize"),
                switch("no-path-resolution"),
                value("output").short('o').asks(Ask::Writes),
                switch("profiles"),
                switch("quiet").short('q'),
                switch("resolve-image-digests"),
                switch("services"),
                switch("variables"),
                switch("volumes"),
            ],
        ])
        .operands(Operands::Services)
        .asks(&[Ask::Project(Use::Looks)]),
    Command::new("compose cp")
        .options(&[
            DRY_RUN,
            &[switch("all"), switch("archive").short('a'), switch("follow-link").short('L'), value("index")],
        ])
        .operands(Operands::Copy)
        .asks(&[Ask::Project(Use::Changes)]),
    Command::new("compose create")
        .options(&[
            DRY_RUN,
            &[
                switch("build").asks(Ask::Operation("build")),
                switch("force-recreate"),
                switch("no-build"),
                switch("no-recreate"),
                value("pull"),
                switch("quiet-pull"),
                switch("remove-orphans"),
                list("scale"),
                switch("yes").short('y').also(&["y"]),
            ],
        ])
        .operands(Operands::Services)
        .asks(&[Ask::Project(Use::Makes)]),
    Command::new("compose down")
        .options(&[
            DRY_RUN,
            &[
                switch("remove-orphans"),
                value("rmi").asks(Ask::Operation("rmi")),
                value("timeout").short('t'),
                switch("volumes").short('v').also(&["volume"]).asks(Ask::Operation("volume rm")),
            ],
        ])
        .operands(Operands::Services)
        .asks(&[Ask::Project(Use::Changes)]),
    Command::new("compose events")
        .options(&[DRY_RUN, &[switch("json"), value("since"), value("until")]])
        .operands(Operands::Services)
        .asks(&[Ask::Project(Use::Looks)]),
    Command::new("compose exec")
        .stops()
        .options(&[
            DRY_RUN,
            &[
                switch("detach").short('d'),
                list("env").short('e').asks(Ask::Assignment),
                value("index"),
                switch("interactive").short('i'),
                switch("no-TTY").short('T').also(&["no-tty"]),
                switch("privileged").asks(Ask::Privileged),
                switch("tty").short('t'),
                value("user").short('u'),
                value("workdir").short('w'),
            ],
        ])
        .operands(Operands::Services)
        .asks(&[Ask::Project(Use::Changes)]),
    Command::new("compose export")
        .options(&[DRY_RUN, &[value("index"), value("output").short('o').asks(Ask::Writes)]])
        .operands(Operands::Services)
        .asks(&[Ask::Project(Use::Changes)]),
    Command::new("compose images")
        .options(&[DRY_RUN, &[value("format"), switch("quiet").short('q')]])
        .operands(Operands::Services)
        .asks(&[Ask::Project(Use::Looks)]),
    Command::new("compose kill")
        .options(&[DRY_RUN, &[switch("remove-orphans"), value("signal").short('s')]])
        .operands(Operands::Services)
        .asks(&[Ask::Project(Use::Changes)]),
    Command::new("compose logs")
        .options(&[
            DRY_RUN,
            &[
                switch("follow").short('f'),
                value("index"),
                switch("no-color"),
                switch("no-log-prefix"),
                value("since"),
                value("tail").short('n'),
                switch("timestamps").short('t'),
                value("until"),
            ],
        ])
        .operands(Operands::Services)
        .asks(&[Ask::Project(Use::Looks)]),
    Command::new("compose ls")
        .options(&[DRY_RUN, &[switch("all").short('a'), list("filter"), value("format"), switch("quiet").short('q')]]),
    Command::new("compose pause").options(&[DRY_RUN]).operands(Operands::Services).asks(&[Ask::Project(Use::Changes)]),
    Command::new("compose port")
        .options(&[DRY_RUN, &[value("index"), value("protocol")]])
        .operands(Operands::Services)
        .asks(&[Ask::Project(Use::Looks)]),
    Command::new("compose ps")
        .options(&[
            DRY_RUN,
            &[
                switch("all").short('a'),
                value("filter"),
                value("format"),
                switch("no-trunc"),
                switch("orphans"),
                switch("quiet").short('q'),
                switch("services"),
                list("status"),
            ],
        ])
        .operands(Operands::Services)
        .asks(&[Ask::Project(Use::Looks)]),
    Command::new("compose publish")
        .options(&[
            DRY_RUN,
            &[
                switch("app"),
                switch("insecure-registry"),
                value("oci-version"),
                switch("resolve-image-digests"),
                switch("with-env"),
                switch("yes").short('y').also(&["y"]),
            ],
        ])
        .asks(&[Ask::Operation("push"), Ask::Project(Use::Changes)]),
    Command::new("compose pull")
        .options(&[
            DRY_RUN,
            &[
                switch("ignore-buildable"),
                switch("ignore-pull-failures"),
                switch("include-deps"),
                switch("no-parallel"),
                switch("parallel"),
                value("policy"),
                switch("quiet").short('q'),
            ],
        ])
        .operands(Operands::Services)
        .asks(&[Ask::Project(Use::Looks)]),
    Command::new("compose push")
        .options(&[DRY_RUN, &[switch("ignore-push-failures"), switch("include-deps"), switch("quiet").short('q')]])
        .operands(Operands::Services)
        .asks(&[Ask::Project(Use::Changes)]),
    Command::new("compose restart")
        .options(&[DRY_RUN, &[switch("no-deps"), value("timeout").short('t')]])
        .operands(Operands::Services)
        .asks(&[Ask::Project(Use::Changes)]),
    Command::new("compose rm")
        .options(&[
            DRY_RUN,
            &[
                switch("all").short('a'),
                switch("force").short('f'),
                switch("stop").short('s'),
                switch("volumes").short('v'),
            ],
        ])
        .operands(Operands::Services)
        .asks(&[Ask::Project(Use::Changes)]),
    Command::new("compose run")
        .stops()
        .options(&[
            DRY_RUN,
            &[
                switch("build").asks(Ask::Operation("build")),
                list("cap-add").asks(Ask::Capability),
                list("cap-drop"),
                switch("detach").short('d'),
                value("entrypoint"),
                list("env").short('e').asks(Ask::Assignment),
                list("env-from-file").asks(Ask::Reads),
                switch("interactive").short('i'),
                list("label").short('l').also(&["labels"]).asks(Ask::Label),
                value("name"),
                switch("no-deps"),
                switch("no-TTY").short('T').also(&["no-tty"]),
                list("publish").short('p'),
                value("pull"),
                switch("quiet").short('q'),
                switch("quiet-build"),
                switch("quiet-pull"),
                switch("remove-orphans"),
                switch("rm"),
                switch("service-ports").short('P'),
                switch("tty").short('t'),
                switch("use-aliases"),
                value("user").short('u'),
                list("volume").short('v').also(&["volumes"]).asks(Ask::Volume),
                value("workdir").short('w'),
            ],
        ])
        .operands(Operands::Services)
        .asks(&[Ask::Project(Use::Makes)]),
    Command::new("compose scale")
        .options(&[DRY_RUN, &[switch("no-deps")]])
        .operands(Operands::Services)
        .asks(&[Ask::Project(Use::Makes)]),
    Command::new("compose start")
        .options(&[DRY_RUN, &[switch("wait"), value("wait-timeout")]])
        .operands(Operands::Services)
        .asks(&[Ask::Project(Use::Changes)]),
    Command::new("compose stats")
        .options(&[DRY_RUN, &[switch("all").short('a'), value("format"), switch("no-stream"), switch("no-trunc")]])
        .operands(Operands::Services)
        .asks(&[Ask::Project(Use::Looks)]),
    Command::new("compose stop")
        .options(&[DRY_RUN, &[value("timeout").short('t')]])
        .operands(Operands::Services)
        .asks(&[Ask::Project(Use::Changes)]),
    Command::new("compose top").options(&[DRY_RUN]).operands(Operands::Services).asks(&[Ask::Project(Use::Looks)]),
    Command::new("compose unpause")
        .options(&[DRY_RUN])
        .operands(Operands::Services)
        .asks(&[Ask::Project(Use::Changes)]),
    Command::new("compose up")
        .options(&[
            DRY_RUN,
            &[
                switch("abort-on-container-exit"),
                switch("abort-on-container-failure"),
                switch("always-recreate-deps"),
                list("attach"),
                switch("attach-dependencies"),
                switch("build").asks(Ask::Operation("build")),
                switch("detach").short('d'),
                value("exit-code-from"),
                switch("force-recreate"),
                switch("menu"),
                list("no-attach"),
                switch("no-build"),
                switch("no-color"),
                switch("no-deps"),
                switch("no-log-prefix"),
                switch("no-recreate"),
                switch("no-start"),
                value("pull"),
                switch("quiet-build"),
                switch("quiet-pull"),
                switch("remove-orphans"),
                switch("renew-anon-volumes").short('V'),
                list("scale"),
                value("timeout").short('t'),
                switch("timestamps"),
                switch("wait"),
                value("wait-timeout"),
                switch("watch").short('w').asks(Ask::Operation("cp")),
                switch("yes").short('y').also(&["y"]),
            ],
        ])
        .operands(Operands::Services)
        .asks(&[Ask::Project(Use::Makes)]),
    Command::new("compose version").options(&[DRY_RUN, &[value("format").short('f'), switch("short")]]),
    Command::new("compose volumes")
        .options(&[DRY_RUN, &[value("format"), switch("quiet").short('q')]])
        .operands(Operands::Services)
        .asks(&[Ask::Project(Use::Looks)]),
    Command::new("compose wait")
        .options(&[DRY_RUN, &[switch("down-project").asks(Ask::Operation("compose down"))]])
        .operands(Operands::Services)
        .asks(&[Ask::Project(Use::Looks)]),
    Command::new("compose watch")
        .options(&[DRY_RUN, &[switch("no-up"), switch("prune"), switch("quiet")]])
        .operands(Operands::Services)
        .asks(&[Ask::Operation("cp"), Ask::Project(Use::Makes)]),
];
