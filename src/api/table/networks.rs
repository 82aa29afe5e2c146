//! Networks and volumes. Data only: one row an endpoint.

use super::super::fields::{network, volume};
use super::super::row::{Asks, Endpoint, delete, filters, flag, get, one, post, put, text};
use crate::demand::Object;
use crate::docker::row::Ask;

const MAKES: &[&str] = &["compose create", "compose run", "compose scale", "compose up", "compose watch"];
const REMOVES: &[&str] = &["compose down", "compose rm", "compose up"];

pub(super) const ENDPOINTS: &[Endpoint] = &[
    get("/networks").is(&["network ls"]).part_of(&["compose", "system prune"]).query(&[filters()]),
    post("/networks/create")
        .is(&["network create"])
        .part_of(MAKES)
        .json(network::CREATE)
        .asks(&[Asks::Labels, Asks::Lengthens(&[Object::Network])]),
    post("/networks/prune")
        .is(&["network prune"])
        .part_of(&["system prune"])
        .query(&[filters()])
        .asks(&[Asks::Like(Ask::Prunes(Object::Network))]),
    get("/networks/{network}")
        .is(&["network inspect", "inspect"])
        .part_of(&["compose", "network rm", "network prune"])
        .query(&[one("scope", &["", "local", "global", "swarm"]), flag("verbose")]),
    post("/networks/{network}/connect").is(&["network connect"]).part_of(MAKES).json(network::CONNECT),
    post("/networks/{network}/disconnect").is(&["network disconnect"]).part_of(REMOVES).json(network::DISCONNECT),
    delete("/networks/{network}").is(&["network rm"]).part_of(REMOVES),
    get("/volumes").is(&["volume ls"]).part_of(&["compose", "system prune", "volume prune"]).query(&[filters()]),
    post("/volumes/create")
        .is(&["volume create"])
        .part_of(MAKES)
        .json(volume::CREATE)
        .asks(&[Asks::Labels, Asks::Lengthens(&[Object::Volume])]),
    post("/volumes/prune")
        .is(&["volume prune"])
        .part_of(&["system prune"])
        .query(&[filters()])
        .asks(&[Asks::Like(Ask::Prunes(Object::Volume))]),
    get("/volumes/{volume}").is(&["volume inspect", "inspect"]).part_of(&["compose", "volume rm"]),
    put("/volumes/{volume}")
        .is(&["volume update"])
        .query(&[text("version")])
        .asks(&[Asks::Like(Ask::HostSetting("cluster volumes belong to the administrator"))]),
    // Of no other command: it is what `compose down --volumes` asks for besides, and data goes with it.
    delete("/volumes/{volume}").is(&["volume rm"]).query(&[flag("force")]),
];
