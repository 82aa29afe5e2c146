//! Networks and volumes. Data only: one row a command.

use super::super::row::{Ask, Command, Operands, list, switch, value};
use crate::demand::{Object, Touch};

/// What the options for Swarm ask for; the cluster is blocked in all other ways too.
const CLUSTER: &str = "it belongs to the cluster, not to this host alone";

pub(super) const COMMANDS: &[Command] = &[
    Command::new("network connect")
        .options(&[&[
            list("alias"),
            list("driver-opt").asks(Ask::NetworkOption),
            value("gw-priority"),
            value("ip"),
            value("ip6"),
            list("link").asks(Ask::Link),
            list("link-local-ip"),
        ]])
        .operands(Operands::NetworkAndContainer),
    Command::new("network create")
        .options(&[&[
            switch("attachable"),
            list("aux-address"),
            value("config-from").asks(Ask::NetworkOption),
            switch("config-only"),
            value("driver").short('d').asks(Ask::NetworkDriver),
            list("gateway"),
            switch("ingress").asks(Ask::HostSetting(CLUSTER)),
            switch("internal"),
            list("ip-range"),
            value("ipam-driver").asks(Ask::NetworkDriver),
            list("ipam-opt").asks(Ask::NetworkOption),
            switch("ipv4"),
            switch("ipv6"),
            list("label").asks(Ask::Label),
            list("opt").short('o').asks(Ask::NetworkOption),
            value("scope").asks(Ask::NetworkScope),
            list("subnet"),
        ]])
        .operands(Operands::Made(Object::Network)),
    Command::new("network disconnect")
        .options(&[&[switch("force").short('f')]])
        .operands(Operands::NetworkAndContainer),
    Command::new("network inspect")
        .options(&[&[value("format").short('f'), switch("verbose").short('v')]])
        .operands(Operands::Objects(Object::Network, Touch::Look)),
    Command::new("network ls").also(&["network list"]).options(&[&[
        list("filter").short('f'),
        value("format"),
        switch("no-trunc"),
        switch("quiet").short('q'),
    ]]),
    Command::new("network prune")
        .options(&[&[list("filter"), switch("force").short('f')]])
        .asks(&[Ask::Prunes(Object::Network)]),
    Command::new("network rm")
        .also(&["network remove"])
        .options(&[&[switch("force").short('f')]])
        .operands(Operands::Objects(Object::Network, Touch::Change)),
    Command::new("volume create")
        .options(&[&[
            value("availability").asks(Ask::HostSetting(CLUSTER)),
            value("driver").short('d').asks(Ask::VolumeDriver),
            value("group").asks(Ask::HostSetting(CLUSTER)),
            list("label").asks(Ask::Label),
            value("limit-bytes").asks(Ask::HostSetting(CLUSTER)),
            value("name").asks(Ask::VolumeName),
            list("opt").short('o').asks(Ask::VolumeOption),
            value("required-bytes").asks(Ask::HostSetting(CLUSTER)),
            value("scope").asks(Ask::HostSetting(CLUSTER)),
            list("secret").asks(Ask::HostSetting(CLUSTER)),
            value("sharing").asks(Ask::HostSetting(CLUSTER)),
            list("topology-preferred").asks(Ask::HostSetting(CLUSTER)),
            list("topology-required").asks(Ask::HostSetting(CLUSTER)),
            value("type").asks(Ask::HostSetting(CLUSTER)),
        ]])
        .operands(Operands::Made(Object::Volume)),
    Command::new("volume inspect")
        .options(&[&[value("format").short('f')]])
        .operands(Operands::Objects(Object::Volume, Touch::Look)),
    Command::new("volume ls").also(&["volume list"]).options(&[&[
        switch("cluster"),
        list("filter").short('f'),
        value("format"),
        switch("quiet").short('q'),
    ]]),
    Command::new("volume prune")
        .options(&[&[switch("all").short('a'), list("filter"), switch("force").short('f')]])
        .asks(&[Ask::Prunes(Object::Volume)]),
    Command::new("volume rm")
        .also(&["volume remove"])
        .options(&[&[switch("force").short('f')]])
        .operands(Operands::Objects(Object::Volume, Touch::Change)),
    Command::new("volume update").options(&[&[value("availability")]]).asks(&[Ask::HostSetting(CLUSTER)]),
];
