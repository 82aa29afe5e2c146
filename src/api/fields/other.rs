//! Small bodies. Data only.

use super::super::row::{Field, Shape, free};

/// An empty object.
pub const NOTHING: &[Field] = &[];

/// The body of `/auth`: a secret as a whole.
pub const AUTH: &[Field] = &[
    free("username", Shape::Text),
    free("password", Shape::Text),
    free("auth", Shape::Text),
    free("email", Shape::Text),
    free("serveraddress", Shape::Text),
    free("identitytoken", Shape::Text),
    free("registrytoken", Shape::Text),
];
