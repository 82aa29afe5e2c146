//! Swarm and plugins: known by name, so that a block-list means them; their bodies are not. Data only.

use super::super::row::{Asks, Endpoint, delete, filters, flag, get, post, text};
use crate::docker::row::Ask;

/// Refused whatever the lists say.
const CLUSTER: &[Asks] = &[Asks::Like(Ask::HostSetting("the cluster belongs to the administrator"))];
const DAEMON: &[Asks] = &[Asks::Like(Ask::HostSetting("what the daemon itself runs belongs to the administrator"))];

pub(super) const ENDPOINTS: &[Endpoint] = &[
    get("/plugins").is(&["plugin ls"]).query(&[filters()]),
    get("/plugins/{plugin}/json").is(&["plugin inspect", "inspect"]),
    get("/plugins/privileges").is(&["plugin install"]).query(&[text("remote")]).asks(DAEMON),
    post("/plugins/create").is(&["plugin create"]).query(&[text("name")]).unread().asks(DAEMON),
    post("/plugins/pull").is(&["plugin install"]).query(&[text("name"), text("remote")]).unread().asks(DAEMON),
    post("/plugins/{plugin}/enable").is(&["plugin enable"]).query(&[text("timeout")]).asks(DAEMON),
    post("/plugins/{plugin}/disable").is(&["plugin disable"]).query(&[flag("force")]).asks(DAEMON),
    post("/plugins/{plugin}/push").is(&["plugin push"]).unread().asks(DAEMON),
    post("/plugins/{plugin}/set").is(&["plugin set"]).unread().asks(DAEMON),
    post("/plugins/{plugin}/upgrade").is(&["plugin upgrade"]).query(&[text("remote")]).unread().asks(DAEMON),
    delete("/plugins/{plugin}").is(&["plugin rm"]).query(&[flag("force")]).asks(DAEMON),
    get("/swarm").is(&["swarm join-token"]).asks(CLUSTER),
    get("/swarm/unlockkey").is(&["swarm unlock-key"]).asks(CLUSTER),
    post("/swarm/init").is(&["swarm init"]).unread().asks(CLUSTER),
    post("/swarm/join").is(&["swarm join"]).unread().asks(CLUSTER),
    post("/swarm/leave").is(&["swarm leave"]).query(&[flag("force")]).asks(CLUSTER),
    post("/swarm/unlock").is(&["swarm unlock"]).unread().asks(CLUSTER),
    post("/swarm/update").is(&["swarm update"]).unread().asks(CLUSTER),
    get("/nodes").is(&["node ls"]).query(&[filters()]).asks(CLUSTER),
    get("/nodes/{id}").is(&["node inspect"]).asks(CLUSTER),
    delete("/nodes/{id}").is(&["node rm"]).query(&[flag("force")]).asks(CLUSTER),
    post("/nodes/{id}/update").is(&["node update"]).unread().asks(CLUSTER),
    get("/services").is(&["service ls"]).query(&[filters(), flag("status")]).asks(CLUSTER),
    get("/services/{id}").is(&["service inspect"]).asks(CLUSTER),
    get("/services/{id}/logs").is(&["service logs"]).asks(CLUSTER),
    post("/services/create").is(&["service create"]).unread().asks(CLUSTER),
    post("/services/{id}/update").is(&["service update"]).unread().asks(CLUSTER),
    delete("/services/{id}").is(&["service rm"]).asks(CLUSTER),
    get("/tasks").is(&["service ps"]).query(&[filters()]).asks(CLUSTER),
    get("/tasks/{id}").is(&["service ps"]).asks(CLUSTER),
    get("/tasks/{id}/logs").is(&["service logs"]).asks(CLUSTER),
    get("/secrets").is(&["secret ls"]).query(&[filters()]).asks(CLUSTER),
    get("/secrets/{id}").is(&["secret inspect"]).asks(CLUSTER),
    post("/secrets/create").is(&["secret create"]).unread().asks(CLUSTER),
    post("/secrets/{id}/update").is(&["secret create"]).unread().asks(CLUSTER),
    delete("/secrets/{id}").is(&["secret rm"]).asks(CLUSTER),
    get("/configs").is(&["config ls"]).query(&[filters()]).asks(CLUSTER),
    get("/configs/{id}").is(&["config inspect"]).asks(CLUSTER),
    post("/configs/create").is(&["config create"]).unread().asks(CLUSTER),
    post("/configs/{id}/update").is(&["config create"]).unread().asks(CLUSTER),
    delete("/configs/{id}").is(&["config rm"]).asks(CLUSTER),
];
