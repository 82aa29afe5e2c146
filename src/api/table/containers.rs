//! Containers. Data only: one row an endpoint.

use super::super::fields::{container, exec, host};
use super::super::row::{
    Answer, Asks, Endpoint, delete, filters, flag, get, head, number, one, post, put, text, texts,
};
use crate::demand::Object;
use crate::docker::row::Ask;

/// Commands that look for containers before they do something with them.
const LISTS: &[&str] = &["compose", "stats", "container prune", "system prune", "run"];
/// Commands that look at a container before they do something with it.
const LOOKS: &[&str] =
    &["attach", "compose", "cp", "exec", "logs", "port", "run", "start", "stats", "restart", "stop", "rm", "create"];
const MAKES: &[&str] = &["run", "compose create", "compose run", "compose scale", "compose up", "compose watch"];
const RUNS: &[&str] =
    &["run", "compose restart", "compose run", "compose scale", "compose start", "compose up", "compose watch"];
const REPLACES: &[&str] = &[
    "compose create",
    "compose down",
    "compose rm",
    "compose run",
    "compose scale",
    "compose stop",
    "compose up",
    "compose watch",
];
const TERMINAL: &[&str] = &["run", "start", "attach", "compose run", "compose up"];

const CHECKPOINT: &[Asks] =
    &[Asks::Like(Ask::HostSetting("it dumps the memory of a container into files on the host"))];

pub(super) const ENDPOINTS: &[Endpoint] = &[
    get("/containers/json")
        .is(&["ps"])
        .part_of(LISTS)
        // docker-py's trunc_cmd is its own.
        .query(&[
            flag("all"),
            text("before").names(Object::Container),
            filters(),
            number("limit"),
            text("since").names(Object::Container),
            flag("size"),
            flag("trunc_cmd"),
        ]),
    post("/containers/create")
        .is(&["create"])
        .part_of(MAKES)
        .query(&[text("name"), text("platform")])
        .json(container::CREATE)
        .asks(&[Asks::Makes, Asks::Lengthens(&[Object::Container, Object::Volume])]),
    post("/containers/prune")
        .is(&["container prune"])
        .part_of(&["system prune"])
        .query(&[filters()])
        .asks(&[Asks::Like(Ask::Prunes(Object::Container))]),
    get("/containers/{container}/json").is(&["container inspect", "inspect"]).part_of(LOOKS).query(&[flag("size")]),
    get("/containers/{container}/top")
        .is(&["top"])
        .part_of(&["compose top"])
        // Given to the host's ps, which runs as root.
        .query(&[one(
            "ps_args",
            &["", "-ef", "ef", "aux", "-aux", "-o pid", "-o pid,ppid,cmd", "-eo pid,comm", "waux", "auxww", "axu"],
        )]),
    get("/containers/{container}/logs")
        .is(&["logs"])
        .part_of(&["compose logs", "compose up", "run"])
        .query(&[
            flag("details"),
            flag("follow"),
            text("since"),
            flag("stderr"),
            flag("stdout"),
            text("tail"),
            flag("timestamps"),
            text("until"),
        ])
        .answers(Answer::Stream),
    get("/containers/{container}/stats")
        .is(&["stats"])
        .part_of(&["compose stats"])
        .query(&[flag("one-shot"), flag("stream")])
        .answers(Answer::Stream),
    post("/containers/{container}/start")
        .is(&["start"])
        .part_of(RUNS)
        .query(&[
            text("checkpoint").asks(Ask::Operation("checkpoint")),
            text("checkpoint-dir").asks(Ask::HostSetting("it names a directory on the host")),
            text("detachKeys"),
        ])
        .asks(&[Asks::Starts]),
    post("/containers/{container}/stop").is(&["stop"]).part_of(REPLACES).query(&[text("signal"), number("t")]),
    post("/containers/{container}/restart")
        .is(&["restart"])
        .part_of(&["compose restart", "compose watch"])
        .query(&[text("signal"), number("t")])
        .asks(&[Asks::Starts]),
    post("/containers/{container}/kill")
        .is(&["kill"])
        .part_of(&["attach", "compose kill", "compose run", "compose up", "run", "start"])
        .query(&[text("signal")]),
    post("/containers/{container}/pause").is(&["pause"]).part_of(&["compose pause"]),
    post("/containers/{container}/unpause").is(&["unpause"]).part_of(&["compose unpause"]).asks(&[Asks::Starts]),
    post("/containers/{container}/wait")
        .is(&["wait"])
        .part_of(&["attach", "compose run", "compose up", "compose wait", "run", "start"])
        .query(&[one("condition", &["", "not-running", "next-exit", "removed"])])
        .answers(Answer::Stream)
        .reads(),
    post("/containers/{container}/rename")
        .is(&["rename"])
        .part_of(REPLACES)
        .query(&[text("name")])
        .asks(&[Asks::Renames]),
    post("/containers/{container}/update").is(&["update"]).json(host::UPDATE).asks(&[Asks::Limits]),
    delete("/containers/{container}")
        .is(&["rm"])
        .part_of(REPLACES)
        .query(&[flag("force"), flag("link"), flag("v")])
        .asks(&[Asks::RemovesVolumes]),
    post("/containers/{container}/resize").is(&["run"]).part_of(TERMINAL).query(&[number("h"), number("w")]),
    post("/containers/{container}/attach")
        .is(&["attach"])
        .query(&[text("detachKeys"), flag("logs"), flag("stderr"), flag("stdin"), flag("stdout"), flag("stream")])
        .answers(Answer::Hijack),
    // WebSocket: no stock client uses it, and it is always refused by its upgrade.
    get("/containers/{container}/attach/ws").is(&["attach"]).changes(),
    post("/containers/{container}/exec").is(&["exec"]).part_of(&["compose exec"]).json(exec::CREATE),
    post("/exec/{exec}/start").is(&["exec"]).part_of(&["compose exec"]).json(exec::START).answers(Answer::Hijack),
    post("/exec/{exec}/resize").is(&["exec"]).part_of(&["compose exec"]).query(&[number("h"), number("w")]),
    get("/exec/{exec}/json").is(&["exec"]).part_of(&["compose exec"]),
    head("/containers/{container}/archive").is(&["cp"]).part_of(&["compose cp"]).query(&[text("path")]).changes(),
    get("/containers/{container}/archive")
        .is(&["cp"])
        .part_of(&["compose cp"])
        .query(&[text("path")])
        .answers(Answer::Stream)
        .changes(),
    put("/containers/{container}/archive")
        .is(&["cp"])
        .part_of(&["compose cp"])
        .query(&[flag("copyUIDGID"), flag("noOverwriteDirNonDir"), text("path")])
        .takes_stream(),
    get("/containers/{container}/changes").is(&["diff"]),
    get("/containers/{container}/export")
        .is(&["export"])
        .part_of(&["compose export"])
        .answers(Answer::Stream)
        .changes(),
    post("/commit")
        .is(&["commit"])
        .part_of(&["compose commit"])
        .query(&[
            text("author"),
            texts("changes").asks(Ask::Change),
            text("comment"),
            text("container").names(Object::Container),
            flag("pause"),
            text("repo"),
            text("tag"),
        ])
        .json(container::CONFIG)
        .asks(&[Asks::Tags, Asks::Labels]),
    get("/containers/{container}/checkpoints")
        .is(&["checkpoint ls"])
        .query(&[text("dir").asks(Ask::HostSetting("it names a directory on the host"))]),
    post("/containers/{container}/checkpoints").is(&["checkpoint create"]).json(exec::CHECKPOINT).asks(CHECKPOINT),
    delete("/containers/{container}/checkpoints/{id}")
        .is(&["checkpoint rm"])
        .query(&[text("dir").asks(Ask::HostSetting("it names a directory on the host"))]),
];
