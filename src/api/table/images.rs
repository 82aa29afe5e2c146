//! Images and builds. Data only: one row an endpoint.

use super::super::fields::other;
use super::super::row::{
    Answer, Asks, Endpoint, delete, filters, first, flag, get, limits, list, map, number, one, post, text, texts,
};
use crate::demand::Object;
use crate::docker::row::Ask;

const LOOKS: &[&str] = &["build", "compose", "create", "history", "pull", "push", "run", "rmi", "images"];
const PULLS: &[&str] =
    &["compose build", "compose create", "compose pull", "compose run", "compose scale", "compose up", "create", "run"];
const BUILDS: &[&str] = &[
    "builder",
    "buildx",
    "compose build",
    "compose create",
    "compose run",
    "compose up",
    "compose watch",
    "system prune",
];

pub(super) const ENDPOINTS: &[Endpoint] = &[
    get("/images/json").is(&["images"]).part_of(&["compose", "image prune"]).query(&[
        flag("all"),
        flag("digests"),
        filters(),
        flag("manifests"),
        // docker-py's own.
        flag("only_ids"),
        flag("shared-size"),
    ]),
    get("/images/{image}/json")
        .is(&["image inspect", "inspect"])
        .part_of(LOOKS)
        .query(&[flag("manifests"), text("platform")]),
    get("/images/{image}/history").is(&["history"]).query(&[text("platform")]),
    get("/images/search").is(&["search"]).query(&[filters(), number("limit"), text("term")]).credentials(),
    get("/distribution/{image}/json").is(&["manifest inspect"]).part_of(&["push", "pull"]).credentials(),
    post("/images/create")
        .is(&["pull"])
        .part_of(PULLS)
        .query(&[
            texts("changes").asks(Ask::Change),
            text("fromImage"),
            text("fromSrc"),
            text("message"),
            text("platform"),
            text("repo"),
            text("tag"),
        ])
        .takes_stream()
        .answers(Answer::Stream)
        .credentials()
        .asks(&[Asks::Fetches]),
    post("/images/load")
        .is(&["load"])
        .query(&[list("platform"), flag("quiet")])
        .takes_stream()
        .answers(Answer::Stream)
        .asks(&[Asks::Like(Ask::AnyName)]),
    get("/images/get")
        .is(&["save"])
        .query(&[texts("names").names(Object::Image), text("platform")])
        .answers(Answer::Stream)
        .changes(),
    get("/images/{image}/get").is(&["save"]).query(&[text("platform")]).answers(Answer::Stream).changes(),
    post("/images/{image}/push")
        .is(&["push"])
        .part_of(&["compose push"])
        .query(&[text("platform"), text("tag")])
        .json(other::NOTHING)
        .answers(Answer::Stream)
        .credentials(),
    post("/images/{image}/tag").is(&["tag"]).query(&[flag("force"), text("repo"), text("tag")]).asks(&[Asks::Tags]),
    post("/images/prune")
        .is(&["image prune"])
        .part_of(&["system prune"])
        .query(&[filters()])
        .asks(&[Asks::PrunesImages]),
    // What `compose down --rmi` asks for besides.
    delete("/images/{image}").is(&["rmi"]).part_of(&["compose watch"]).query(&[
        flag("force"),
        flag("noprune"),
        list("platforms"),
    ]),
    post("/build")
        .is(&["build"])
        .part_of(BUILDS)
        .query(&[
            map("buildargs").secret(),
            list("cachefrom"),
            text("cgroupparent").asks(Ask::CgroupParent),
            number("cpuperiod"),
            number("cpuquota"),
            text("cpusetcpus"),
            text("cpusetmems"),
            number("cpushares"),
            // docker-py sends the text of one from outside the context behind its name.
            first("dockerfile"),
            texts("extrahosts"),
            flag("forcerm"),
            text("isolation"),
            map("labels"),
            number("memory"),
            number("memswap"),
            text("networkmode").asks(Ask::Network),
            flag("nocache"),
            text("platform"),
            flag("pull"),
            flag("q"),
            text("remote"),
            flag("rm"),
            texts("securityopt").asks(Ask::SecurityOption),
            number("shmsize"),
            flag("squash"),
            texts("t").asks(Ask::Tag),
            text("target"),
            limits("ulimits"),
            // The other version is BuildKit, which speaks of the rest on connections of its own.
            one("version", &["", "1"]),
        ])
        .asks(&[Asks::BuildsFrom])
        .takes_stream()
        .answers(Answer::Stream)
        .credentials(),
    post("/build/cancel").is(&["build"]).query(&[text("id")]),
    post("/build/prune").is(&["builder prune"]).part_of(&["buildx prune", "system prune"]).query(&[
        flag("all"),
        filters(),
        number("keep-storage"),
        number("max-used-space"),
        number("min-free-space"),
        number("reserved-space"),
    ]),
    // What BuildKit's client and the daemon say to each other there is judged by itself.
    post("/grpc").reads().answers(Answer::H2c),
    post("/session").reads().answers(Answer::H2c),
];
