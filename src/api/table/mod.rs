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

#[cfg(test)]
mod tests {
    use super::super::row::{Asks, Body};
    use super::*;
    use crate::docker::catalogue::{self, Found};
    use crate::docker::row::Ask;

    fn rows() -> impl Iterator<Item = &'static Endpoint> {
        AREAS.iter().flat_map(|(_, rows)| rows.iter())
    }

    #[test]
    fn rows_name_commands_of_the_catalogue() {
        for row in rows() {
            for name in row.is.iter().chain(row.part_of).filter(|name| **name != "*") {
                assert!(!matches!(catalogue::find(name), Found::Nothing), "{}: {name}", row.path);
            }
        }
    }

    #[test]
    fn no_endpoint_has_two_rows_and_no_key_of_one_either() {
        for (index, row) in rows().enumerate() {
            assert!(rows().skip(index + 1).all(|other| (other.method, other.path) != (row.method, row.path)));
            for (index, key) in row.query.iter().enumerate() {
                assert!(row.query.iter().skip(index + 1).all(|other| other.name != key.name), "{}", row.path);
            }
        }
    }

    #[test]
    fn what_is_not_understood_is_asked_for_as_the_host_s() {
        for row in rows().filter(|row| matches!(row.body, Body::Unread)) {
            let refused = row.asks.iter().any(|asks| matches!(asks, Asks::Like(Ask::HostSetting(_))));
            assert!(refused, "{}", row.path);
        }
    }

    #[test]
    fn every_path_begins_with_what_is_no_name() {
        for row in rows() {
            assert!(row.path.starts_with('/') && !row.path.starts_with("/{"), "{}", row.path);
        }
    }
}
