//! The endpoints of Docker's API, area by area. Data, and tests about it.
//!
//! Sources: the 121 routes of Docker Engine 28.5.2, and what docker 28.5, Compose 2.40, buildx 0.29 and docker-py
//! 7.2 send. What is not here is refused: checkpoints' kin of later versions, `/debug`, `OPTIONS`.

use super::row::Endpoint;

mod containers;
mod images;
mod networks;
mod swarm;
mod system;

/// All rows.
pub const AREAS: &[(&str, &[Endpoint])] = &[
    ("The daemon", system::ENDPOINTS),
    ("Containers", containers::ENDPOINTS),
    ("Images and builds", images::ENDPOINTS),
    ("Networks and volumes", networks::ENDPOINTS),
    ("Swarm and plugins", swarm::ENDPOINTS),
];
