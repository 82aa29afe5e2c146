//! Builds: `docker build` and the buildx plugin. Data only: one row a command.

use super::super::row::{Ask, Command, Operands, Opt, list, switch, value};

/// What every spelling of `build` shares.
const BUILD: &[Opt] = &[
    list("add-host"),
    list("allow").asks(Ask::Entitlement),
    list("annotation"),
    list("attest"),
    list("build-arg").asks(Ask::Assignment),
    list("build-context").asks(Ask::NamedContext),
    value("builder").asks(Ask::Builder),
    list("cache-from").asks(Ask::CacheFrom),
    list("cache-to").asks(Ask::CacheTo),
    value("call"),
    value("cgroup-parent").asks(Ask::CgroupParent),
    switch("check"),
    switch("compress"),
    value("cpu-period"),
    value("cpu-quota"),
    value("cpu-shares").short('c'),
    value("cpuset-cpus"),
    value("cpuset-mems"),
    switch("debug").short('D'),
    value("file").short('f').asks(Ask::ReadsBeside),
    switch("force-rm"),
    value("iidfile").asks(Ask::Writes),
    value("isolation"),
    list("label").asks(Ask::Label),
    switch("load"),
    value("memory").short('m'),
    value("memory-swap"),
    value("metadata-file").asks(Ask::Writes),
    value("network").asks(Ask::Network),
    switch("no-cache"),
    list("no-cache-filter"),
    list("output").short('o').asks(Ask::BuildOutput),
    list("platform"),
    list("policy").asks(Ask::HostSetting("not judged by this gate")),
    value("print"),
    value("progress"),
    value("provenance"),
    switch("pull"),
    switch("push").asks(Ask::Operation("push")),
    switch("quiet").short('q'),
    list("resource").asks(Ask::HostSetting("not judged by this gate")),
    switch("rm"),
    value("sbom"),
    list("secret").asks(Ask::BuildSecret),
    list("security-opt").asks(Ask::SecurityOption),
    value("shm-size"),
    switch("squash"),
    list("ssh").asks(Ask::Program("it reads private keys, or talks to an SSH agent")),
    list("tag").short('t').asks(Ask::Tag),
    value("target"),
    list("ulimit"),
];

/// Taken at any depth.
const BUILDER: &[Opt] = &[value("builder").asks(Ask::Builder), switch("debug").short('D')];

/// What `builder prune`, which is buildx's where there is one, shares with it.
const PRUNE: &[Opt] = &[
    switch("all").short('a'),
    list("filter"),
    switch("force").short('f'),
    value("keep-storage"),
    value("max-used-space"),
    value("min-free-space"),
    value("reserved-space"),
    value("timeout"),
    switch("verbose"),
];

/// What debuggers of builds ask for.
const DEBUGGER: Ask = Ask::Program("a debugger runs commands inside builds, and talks to whoever attaches to it");

/// What commands about builders ask for.
const BUILDERS: Ask = Ask::Control("a builder serves everybody's builds");

pub(super) const COMMANDS: &[Command] = &[
    Command::new("build")
        .also(&["builder build", "image build"])
        .options(&[BUILD, &[switch("disable-content-trust")]])
        .operands(Operands::BuildContext),
    Command::new("builder prune").options(&[BUILDER, PRUNE]),
    Command::new("buildx bake")
        .also(&["bake", "builder bake", "builder f", "buildx f"])
        .options(&[
            BUILDER,
            &[
                list("allow").asks(Ask::Entitlement),
                value("call"),
                switch("check"),
                list("file").short('f'),
                value("list"),
                switch("list-targets"),
                switch("list-variables"),
                switch("load"),
                value("metadata-file").asks(Ask::Writes),
                switch("no-cache"),
                list("policy"),
                switch("print"),
                value("progress"),
                value("provenance"),
                switch("pull"),
                switch("push").asks(Ask::Operation("push")),
                value("sbom"),
                list("set").asks(Ask::Assignment),
                list("var").asks(Ask::Assignment),
            ],
        ])
        .asks(&[Ask::HostSetting("what a bake file asks for is not judged by this gate")]),
    Command::new("buildx build").also(&["builder b", "buildx b"]).options(&[BUILD]).operands(Operands::BuildContext),
    Command::new("buildx create")
        .also(&["builder create"])
        .options(&[
            BUILDER,
            &[
                switch("append"),
                switch("bootstrap"),
                value("buildkitd-config").asks(Ask::Reads),
                value("buildkitd-flags"),
                value("config").asks(Ask::Reads),
                value("driver"),
                list("driver-opt").asks(Ask::Assignment),
                switch("leave"),
                value("name"),
                value("node"),
                list("platform"),
                value("timeout"),
                switch("use"),
            ],
        ])
        .asks(&[Ask::HostSetting("it starts a privileged container")]),
    Command::new("buildx dap attach").also(&["builder dap attach"]).options(&[BUILDER]).asks(&[DEBUGGER]),
    Command::new("buildx dap build")
        .also(&["builder dap build"])
        .options(&[BUILD])
        .operands(Operands::BuildContext)
        .asks(&[DEBUGGER]),
    Command::new("buildx debug")
        .also(&["builder debug"])
        .options(&[BUILDER, &[value("invoke"), value("on")]])
        .asks(&[DEBUGGER]),
    Command::new("buildx debug build")
        .also(&["builder debug b", "builder debug build", "buildx debug b"])
        .options(&[BUILD])
        .operands(Operands::BuildContext)
        .asks(&[DEBUGGER]),
    Command::new("buildx dial-stdio")
        .also(&["builder dial-stdio"])
        .options(&[BUILDER, &[value("platform"), value("progress")]])
        .asks(&[Ask::HostSetting("it is the whole BuildKit API, unjudged")]),
    Command::new("buildx du")
        .also(&["builder du"])
        .options(&[BUILDER, &[list("filter"), value("format"), value("timeout"), switch("verbose")]]),
    Command::new("buildx history export")
        .also(&["builder history export"])
        .options(&[BUILDER, &[switch("all"), switch("finalize"), value("output").short('o').asks(Ask::Writes)]])
        .asks(&[Ask::Operation("save")]),
    Command::new("buildx history import")
        .also(&["builder history import"])
        .options(&[BUILDER, &[list("file").short('f').asks(Ask::Reads)]])
        .asks(&[Ask::Program("it hands build records to Docker Desktop, and opens a browser")]),
    Command::new("buildx history inspect").also(&["builder history inspect"]).options(&[BUILDER, &[value("format")]]),
    Command::new("buildx history inspect attachment")
        .also(&["builder history inspect attachment"])
        .options(&[BUILDER, &[value("platform"), value("type")]])
        .asks(&[Ask::Operation("save")]),
    Command::new("buildx history logs").also(&["builder history logs"]).options(&[BUILDER, &[value("progress")]]),
    Command::new("buildx history ls").also(&["builder history ls"]).options(&[
        BUILDER,
        &[
            list("filter"),
            value("format"),
            switch("local").asks(Ask::Program("it starts git in the working directory")),
            switch("no-trunc"),
        ],
    ]),
    Command::new("buildx history open")
        .also(&["builder history open"])
        .options(&[BUILDER])
        .asks(&[Ask::Program("it opens a browser")]),
    Command::new("buildx history rm").also(&["builder history rm"]).options(&[BUILDER, &[switch("all")]]),
    Command::new("buildx history trace")
        .also(&["builder history trace"])
        .options(&[BUILDER, &[value("addr"), value("compare")]])
        .asks(&[Ask::Program("it starts a server for traces")]),
    Command::new("buildx imagetools create")
        .also(&["builder imagetools create"])
        .options(&[
            BUILDER,
            &[
                list("annotation"),
                switch("append"),
                switch("dry-run"),
                list("file").short('f').asks(Ask::Reads),
                value("metadata-file").asks(Ask::Writes),
                list("platform").short('p'),
                switch("prefer-index"),
                value("progress"),
                list("tag").short('t'),
            ],
        ])
        .asks(&[Ask::Operation("push")]),
    Command::new("buildx imagetools inspect")
        .also(&["builder imagetools inspect"])
        .options(&[BUILDER, &[value("format"), switch("raw")]]),
    Command::new("buildx inspect")
        .also(&["builder inspect"])
        .options(&[BUILDER, &[switch("bootstrap").asks(Ask::Operation("buildx create")), value("timeout")]]),
    Command::new("buildx install").also(&["builder install"]).options(&[BUILDER]).asks(&[Ask::Configuration]),
    Command::new("buildx ls")
        .also(&["builder ls"])
        .options(&[BUILDER, &[value("format"), switch("no-trunc"), value("timeout")]]),
    Command::new("buildx prune").options(&[BUILDER, PRUNE]),
    Command::new("buildx rm")
        .also(&["builder rm"])
        .options(&[
            BUILDER,
            &[
                switch("all-inactive"),
                switch("force").short('f'),
                switch("keep-daemon"),
                switch("keep-state"),
                value("timeout"),
            ],
        ])
        .asks(&[BUILDERS]),
    Command::new("buildx stop").also(&["builder stop"]).options(&[BUILDER]).asks(&[BUILDERS]),
    Command::new("buildx uninstall").also(&["builder uninstall"]).options(&[BUILDER]).asks(&[Ask::Configuration]),
    Command::new("buildx use")
        .also(&["builder use"])
        .options(&[BUILDER, &[switch("default"), switch("global")]])
        .asks(&[Ask::Configuration]),
    Command::new("buildx version").also(&["builder version"]).options(&[BUILDER]),
];
