//! The messages that are judged, as BuildKit 0.25 declares them (`api/services/control/control.proto`,
//! `frontend/gateway/pb/gateway.proto`), and the content store's (containerd `services/content/v1`). Data only.
//!
//! A field that is not in here, be it one of a newer BuildKit, is refused by its number.

use super::protobuf::{Field, Kind, Table};

const fn field(number: u32, name: &'static str, kind: Kind) -> Field {
    Field { number, name, kind }
}

/// Fields of `Control/Solve`.
pub mod solve {
    pub const REF: u32 = 1;
    pub const DEFINITION: u32 = 2;
    pub const EXPORTER: u32 = 3;
    pub const EXPORTER_ATTRS: u32 = 4;
    pub const SESSION: u32 = 5;
    pub const FRONTEND: u32 = 6;
    pub const FRONTEND_ATTRS: u32 = 7;
    pub const CACHE: u32 = 8;
    pub const ENTITLEMENTS: u32 = 9;
    pub const FRONTEND_INPUTS: u32 = 10;
    pub const INTERNAL: u32 = 11;
    pub const SOURCE_POLICY: u32 = 12;
    pub const EXPORTERS: u32 = 13;
    pub const SESSION_EXPORTER: u32 = 14;
}

/// `moby.buildkit.v1.SolveRequest`.
pub static SOLVE: Table = Table {
    name: "SolveRequest",
    fields: &[
        field(solve::REF, "Ref", Kind::Text),
        field(solve::DEFINITION, "Definition", Kind::Bytes),
        field(solve::EXPORTER, "ExporterDeprecated", Kind::Text),
        field(solve::EXPORTER_ATTRS, "ExporterAttrsDeprecated", Kind::TextMap),
        field(solve::SESSION, "Session", Kind::Text),
        field(solve::FRONTEND, "Frontend", Kind::Text),
        field(solve::FRONTEND_ATTRS, "FrontendAttrs", Kind::TextMap),
        field(solve::CACHE, "Cache", Kind::Message(&CACHE)),
        field(solve::ENTITLEMENTS, "Entitlements", Kind::Texts),
        field(solve::FRONTEND_INPUTS, "FrontendInputs", Kind::BytesMap),
        field(solve::INTERNAL, "Internal", Kind::Number),
        field(solve::SOURCE_POLICY, "SourcePolicy", Kind::Bytes),
        field(solve::EXPORTERS, "Exporters", Kind::Messages(&TYPED)),
        field(solve::SESSION_EXPORTER, "EnableSessionExporter", Kind::Number),
    ],
};

/// Fields of `CacheOptions`.
pub mod cache {
    pub const EXPORT_REF: u32 = 1;
    pub const IMPORT_REFS: u32 = 2;
    pub const EXPORT_ATTRS: u32 = 3;
    pub const EXPORTS: u32 = 4;
    pub const IMPORTS: u32 = 5;
}

static CACHE: Table = Table {
    name: "CacheOptions",
    fields: &[
        field(cache::EXPORT_REF, "ExportRefDeprecated", Kind::Text),
        field(cache::IMPORT_REFS, "ImportRefsDeprecated", Kind::Texts),
        field(cache::EXPORT_ATTRS, "ExportAttrsDeprecated", Kind::TextMap),
        field(cache::EXPORTS, "Exports", Kind::Messages(&TYPED)),
        field(cache::IMPORTS, "Imports", Kind::Messages(&TYPED)),
    ],
};

/// Fields of what has a type and attributes.
pub mod typed {
    pub const TYPE: u32 = 1;
    pub const ATTRS: u32 = 2;
}

/// `Exporter` and `CacheOptionsEntry`, which have the same shape.
pub static TYPED: Table = Table {
    name: "an exporter or a cache",
    fields: &[field(typed::TYPE, "Type", Kind::Text), field(typed::ATTRS, "Attrs", Kind::TextMap)],
};

/// Fields of a source policy; the gate writes one, and takes none.
pub mod source_policy {
    pub const VERSION: u32 = 1;
    pub const RULES: u32 = 2;
    /// Of a rule: what to do, and with what.
    pub const ACTION: u32 = 1;
    pub const SELECTOR: u32 = 2;
    /// Of a selector.
    pub const IDENTIFIER: u32 = 1;
    pub const ALLOW: u64 = 0;
    pub const DENY: u64 = 1;
}

/// Fields of `LLBBridge/Solve`.
pub mod bridge {
    pub const DEFINITION: u32 = 1;
    pub const FRONTEND: u32 = 2;
    pub const FRONTEND_OPT: u32 = 3;
    pub const FINAL: u32 = 10;
    pub const EXPORTER_ATTR: u32 = 11;
    pub const CACHE_IMPORTS: u32 = 12;
    pub const FRONTEND_INPUTS: u32 = 13;
    pub const SOURCE_POLICIES: u32 = 15;
}

/// `moby.buildkit.v1.frontend.SolveRequest`.
pub static BRIDGE_SOLVE: Table = Table {
    name: "frontend.SolveRequest",
    fields: &[
        field(bridge::DEFINITION, "Definition", Kind::Bytes),
        field(bridge::FRONTEND, "Frontend", Kind::Text),
        field(bridge::FRONTEND_OPT, "FrontendOpt", Kind::TextMap),
        field(5, "allowResultReturn", Kind::Number),
        field(6, "allowResultArrayRef", Kind::Number),
        field(bridge::FINAL, "Final", Kind::Number),
        field(bridge::EXPORTER_ATTR, "ExporterAttr", Kind::Bytes),
        field(bridge::CACHE_IMPORTS, "CacheImports", Kind::Messages(&TYPED)),
        field(bridge::FRONTEND_INPUTS, "FrontendInputs", Kind::BytesMap),
        field(14, "Evaluate", Kind::Number),
        field(bridge::SOURCE_POLICIES, "SourcePolicies", Kind::Bytes),
    ],
};

/// `ReturnRequest`: what a frontend made, or how it failed.
pub mod returned {
    pub const RESULT: u32 = 1;
    /// Of a result: what was made, in one of four ways.
    pub const DEPRECATED_REF: u32 = 1;
    pub const DEPRECATED_REFS: u32 = 2;
    pub const REF: u32 = 3;
    pub const REFS: u32 = 4;
    pub const METADATA: u32 = 10;
    pub const ATTESTATIONS: u32 = 12;
}

/// `moby.buildkit.v1.frontend.ReturnRequest`.
pub static RETURN: Table = Table {
    name: "ReturnRequest",
    fields: &[
        field(returned::RESULT, "result", Kind::Message(&RESULT)),
        // A google.rpc.Status, for the client that gets it back.
        field(2, "error", Kind::Bytes),
    ],
};

static RESULT: Table = Table {
    name: "Result",
    fields: &[
        field(returned::DEPRECATED_REF, "refDeprecated", Kind::Text),
        field(returned::DEPRECATED_REFS, "refsDeprecated", Kind::Message(&DEPRECATED_REFS)),
        field(returned::REF, "ref", Kind::Message(&REF)),
        field(returned::REFS, "refs", Kind::Message(&REFS)),
        field(returned::METADATA, "metadata", Kind::BytesMap),
        field(returned::ATTESTATIONS, "attestations", Kind::BytesMap),
    ],
};

static DEPRECATED_REFS: Table = Table { name: "RefMapDeprecated", fields: &[field(1, "refs", Kind::TextMap)] };

static REFS: Table = Table { name: "RefMap", fields: &[field(1, "refs", Kind::MessageMap(&REF))] };

static REF: Table = Table {
    name: "Ref",
    // The daemon knows what it made by the id alone.
    fields: &[field(1, "id", Kind::Text), field(2, "def", Kind::Dropped)],
};

/// Messages without a field.
pub static EMPTY: Table = Table { name: "an empty request", fields: &[] };

/// `ListWorkersRequest`.
pub static FILTER: Table = Table { name: "ListWorkersRequest", fields: &[field(1, "filter", Kind::Texts)] };

/// `StatusRequest`.
pub static STATUS: Table = Table { name: "StatusRequest", fields: &[field(1, "Ref", Kind::Text)] };

/// `DiskUsageRequest`.
pub static DISK_USAGE: Table =
    Table { name: "DiskUsageRequest", fields: &[field(1, "filter", Kind::Texts), field(2, "ageLimit", Kind::Number)] };

/// `PruneRequest`.
pub static PRUNE: Table = Table {
    name: "PruneRequest",
    fields: &[
        field(1, "filter", Kind::Texts),
        field(2, "all", Kind::Number),
        field(3, "keepDuration", Kind::Number),
        field(4, "reservedSpace", Kind::Number),
        field(5, "maxUsedSpace", Kind::Number),
        field(6, "minFreeSpace", Kind::Number),
    ],
};

/// Fields of `BuildHistoryRequest`.
pub mod history {
    pub const REF: u32 = 2;
    pub const EARLY_EXIT: u32 = 3;
}

/// `BuildHistoryRequest`.
pub static HISTORY: Table = Table {
    name: "BuildHistoryRequest",
    fields: &[
        field(1, "ActiveOnly", Kind::Number),
        field(history::REF, "Ref", Kind::Text),
        field(history::EARLY_EXIT, "EarlyExit", Kind::Number),
        field(4, "Filter", Kind::Texts),
        field(5, "Limit", Kind::Number),
    ],
};

/// Fields of `UpdateBuildHistoryRequest`.
pub mod update_history {
    pub const PINNED: u32 = 2;
    pub const DELETE: u32 = 3;
}

/// `UpdateBuildHistoryRequest`.
pub static UPDATE_HISTORY: Table = Table {
    name: "UpdateBuildHistoryRequest",
    fields: &[
        field(1, "Ref", Kind::Text),
        field(update_history::PINNED, "Pinned", Kind::Number),
        field(update_history::DELETE, "Delete", Kind::Number),
        field(4, "Finalize", Kind::Number),
    ],
};

/// Of the two requests to the content store: whose digest.
pub const DIGEST: u32 = 1;

/// `containerd.services.content.v1.InfoRequest`.
pub static CONTENT_INFO: Table = Table { name: "InfoRequest", fields: &[field(DIGEST, "digest", Kind::Text)] };

/// `containerd.services.content.v1.ReadContentRequest`.
pub static CONTENT_READ: Table = Table {
    name: "ReadContentRequest",
    fields: &[field(DIGEST, "digest", Kind::Text), field(2, "offset", Kind::Number), field(3, "size", Kind::Number)],
};

/// `BytesMessage`: a piece of what `Control/Session` carries.
pub static BYTES_MESSAGE: Table = Table { name: "BytesMessage", fields: &[field(1, "data", Kind::Bytes)] };
