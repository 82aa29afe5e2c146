//! Containers. Data only: one row a command.

use super::super::row::{Ask, Command, Operands, Opt, list, switch, value};
use crate::demand::{Namespace, Object, Touch};

/// What `create`, `run` and their management spellings share.
const CREATE: &[Opt] = &[
    list("add-host"),
    list("annotation").asks(Ask::HostSetting("annotations are read by the container runtime")),
    list("attach").short('a'),
    value("blkio-weight"),
    list("blkio-weight-device").asks(Ask::Throttle),
    list("cap-add").asks(Ask::Capability),
    list("cap-drop"),
    value("cgroup-parent").asks(Ask::CgroupParent),
    value("cgroupns").asks(Ask::Namespace(Namespace::Cgroup)),
    value("cidfile").asks(Ask::Writes),
    value("cpu-count"),
    value("cpu-percent"),
    value("cpu-period"),
    value("cpu-quota"),
    value("cpu-rt-period").asks(Ask::HostSetting("real-time scheduling can stall the host")),
    value("cpu-rt-runtime").asks(Ask::HostSetting("real-time scheduling can stall the host")),
    value("cpu-shares").short('c'),
    value("cpus"),
    value("cpuset-cpus"),
    value("cpuset-mems"),
    list("device").asks(Ask::Device),
    list("device-cgroup-rule").asks(Ask::Device),
    list("device-read-bps").asks(Ask::Throttle),
    list("device-read-iops").asks(Ask::Throttle),
    list("device-write-bps").asks(Ask::Throttle),
    list("device-write-iops").asks(Ask::Throttle),
    switch("disable-content-trust"),
    list("dns"),
    list("dns-opt"),
    list("dns-option"),
    list("dns-search"),
    value("domainname"),
    value("entrypoint"),
    list("env").short('e').asks(Ask::Assignment),
    list("env-file").asks(Ask::Reads),
    list("expose"),
    list("gpus").asks(Ask::Gpus),
    list("group-add"),
    value("health-cmd").asks(Ask::CommandLine),
    value("health-interval"),
    value("health-retries"),
    value("health-start-interval"),
    value("health-start-period"),
    value("health-timeout"),
    value("hostname").short('h'),
    switch("init"),
    switch("interactive").short('i'),
    value("io-maxbandwidth"),
    value("io-maxiops"),
    value("ip"),
    value("ip6"),
    value("ipc").asks(Ask::Namespace(Namespace::Ipc)),
    value("isolation"),
    value("kernel-memory"),
    list("label").short('l').asks(Ask::Label),
    list("label-file").asks(Ask::LabelFile),
    list("link").asks(Ask::Link),
    list("link-local-ip"),
    value("log-driver").asks(Ask::LogDriver),
    list("log-opt").asks(Ask::LogOption),
    value("mac-address"),
    value("memory").short('m'),
    value("memory-reservation"),
    value("memory-swap"),
    value("memory-swappiness"),
    list("mount").asks(Ask::Mount),
    value("name"),
    list("net").asks(Ask::Network),
    list("net-alias"),
    list("network").asks(Ask::Network),
    list("network-alias"),
    switch("no-healthcheck"),
    switch("oom-kill-disable").asks(Ask::HostSetting("the kernel could not stop the container when memory runs out")),
    value("oom-score-adj").asks(Ask::OomScore),
    value("pid").asks(Ask::Namespace(Namespace::Pid)),
    value("pids-limit"),
    value("platform"),
    switch("privileged").asks(Ask::Privileged),
    list("publish").short('p'),
    switch("publish-all").short('P'),
    value("pull"),
    switch("quiet").short('q'),
    switch("read-only"),
    value("restart"),
    switch("rm"),
    value("runtime").asks(Ask::Runtime),
    list("security-opt").asks(Ask::SecurityOption),
    value("shm-size"),
    value("stop-signal"),
    value("stop-timeout"),
    list("storage-opt"),
    list("sysctl").asks(Ask::Sysctl),
    list("tmpfs"),
    switch("tty").short('t'),
    list("ulimit"),
    switch("use-api-socket")
        .asks(Ask::HostSetting("the container would get the daemon's socket and the registry credentials")),
    value("user").short('u'),
    value("userns").asks(Ask::Namespace(Namespace::User)),
    value("uts").asks(Ask::Namespace(Namespace::Uts)),
    list("volume").short('v').asks(Ask::Volume),
    value("volume-driver").asks(Ask::VolumeDriver),
    list("volumes-from").asks(Ask::VolumesFrom),
    value("workdir").short('w'),
];

pub(super) const COMMANDS: &[Command] = &[
    Command::new("attach")
        .also(&["container attach"])
        .options(&[&[value("detach-keys"), switch("no-stdin"), switch("sig-proxy")]])
        .operands(Operands::Object(Object::Container, Touch::Change)),
    Command::new("commit")
        .also(&["container commit"])
        .stops()
        .options(&[&[
            value("author").short('a'),
            list("change").short('c').asks(Ask::Change),
            value("message").short('m'),
            switch("no-pause"),
            switch("pause").short('p'),
        ]])
        .operands(Operands::ContainerAndImage),
    Command::new("container inspect")
        .options(&[&[value("format").short('f'), switch("size").short('s')]])
        .operands(Operands::Objects(Object::Container, Touch::Look)),
    Command::new("container prune")
        .options(&[&[list("filter"), switch("force").short('f')]])
        .asks(&[Ask::Prunes(Object::Container)]),
    Command::new("cp")
        .also(&["container cp"])
        .options(&[&[switch("archive").short('a'), switch("follow-link").short('L'), switch("quiet").short('q')]])
        .operands(Operands::Copy),
    Command::new("create")
        .also(&["container create"])
        .stops()
        .options(&[CREATE])
        .operands(Operands::ImageAndCommand)
        .asks(&[Ask::Makes]),
    Command::new("diff").also(&["container diff"]).operands(Operands::Object(Object::Container, Touch::Look)),
    Command::new("exec")
        .also(&["container exec"])
        .stops()
        .options(&[&[
            switch("detach").short('d'),
            value("detach-keys"),
            list("env").short('e').asks(Ask::Assignment),
            list("env-file").asks(Ask::Reads),
            switch("interactive").short('i'),
            switch("privileged").asks(Ask::Privileged),
            switch("tty").short('t'),
            value("user").short('u'),
            value("workdir").short('w'),
        ]])
        .operands(Operands::Object(Object::Container, Touch::Change)),
    Command::new("export")
        .also(&["container export"])
        .options(&[&[value("output").short('o').asks(Ask::Writes)]])
        .operands(Operands::Object(Object::Container, Touch::Change)),
    Command::new("kill")
        .also(&["container kill"])
        .options(&[&[value("signal").short('s')]])
        .operands(Operands::Objects(Object::Container, Touch::Change)),
    Command::new("logs")
        .also(&["container logs"])
        .options(&[&[
            switch("details"),
            switch("follow").short('f'),
            value("since"),
            value("tail").short('n'),
            switch("timestamps").short('t'),
            value("until"),
        ]])
        .operands(Operands::Objects(Object::Container, Touch::Look)),
    Command::new("pause").also(&["container pause"]).operands(Operands::Objects(Object::Container, Touch::Change)),
    Command::new("port").also(&["container port"]).operands(Operands::Object(Object::Container, Touch::Look)),
    Command::new("ps").also(&["container list", "container ls", "container ps"]).options(&[&[
        switch("all").short('a'),
        list("filter").short('f'),
        value("format"),
        value("last").short('n'),
        switch("latest").short('l'),
        switch("no-trunc"),
        switch("quiet").short('q'),
        switch("size").short('s'),
    ]]),
    Command::new("rename").also(&["container rename"]).operands(Operands::Rename),
    Command::new("restart")
        .also(&["container restart"])
        .options(&[&[value("signal").short('s'), value("time"), value("timeout").short('t')]])
        .operands(Operands::Objects(Object::Container, Touch::Change))
        .asks(&[Ask::Starts]),
    Command::new("rm")
        .also(&["container remove", "container rm"])
        .options(&[&[switch("force").short('f'), switch("link").short('l'), switch("volumes").short('v')]])
        .operands(Operands::Objects(Object::Container, Touch::Change)),
    Command::new("run")
        .also(&["container run"])
        .stops()
        .options(&[CREATE, &[switch("detach").short('d'), value("detach-keys"), switch("sig-proxy")]])
        .operands(Operands::ImageAndCommand)
        .asks(&[Ask::Makes]),
    Command::new("start")
        .also(&["container start"])
        .options(&[&[
            switch("attach").short('a').asks(Ask::Operation("attach")),
            value("checkpoint").asks(Ask::Operation("checkpoint")),
            value("checkpoint-dir").asks(Ask::CheckpointDirectory),
            value("detach-keys"),
            switch("interactive").short('i').asks(Ask::Operation("attach")),
        ]])
        .operands(Operands::Objects(Object::Container, Touch::Change))
        .asks(&[Ask::Starts]),
    Command::new("stats")
        .also(&["container stats"])
        .options(&[&[switch("all").short('a'), value("format"), switch("no-stream"), switch("no-trunc")]])
        .operands(Operands::Objects(Object::Container, Touch::Look)),
    Command::new("stop")
        .also(&["container stop"])
        .options(&[&[value("signal").short('s'), value("time"), value("timeout").short('t')]])
        .operands(Operands::Objects(Object::Container, Touch::Change)),
    Command::new("top").also(&["container top"]).stops().operands(Operands::Object(Object::Container, Touch::Look)),
    Command::new("unpause")
        .also(&["container unpause"])
        .operands(Operands::Objects(Object::Container, Touch::Change))
        .asks(&[Ask::Starts]),
    Command::new("update")
        .also(&["container update"])
        .options(&[&[
            value("blkio-weight"),
            value("cpu-period"),
            value("cpu-quota"),
            value("cpu-rt-period").asks(Ask::HostSetting("real-time scheduling can stall the host")),
            value("cpu-rt-runtime").asks(Ask::HostSetting("real-time scheduling can stall the host")),
            value("cpu-shares").short('c'),
            value("cpus"),
            value("cpuset-cpus"),
            value("cpuset-mems"),
            value("kernel-memory"),
            value("memory").short('m'),
            value("memory-reservation"),
            value("memory-swap"),
            value("pids-limit"),
            value("restart"),
        ]])
        .operands(Operands::Objects(Object::Container, Touch::Change))
        .asks(&[Ask::Limits]),
    Command::new("wait").also(&["container wait"]).operands(Operands::Objects(Object::Container, Touch::Look)),
];
