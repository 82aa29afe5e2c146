pub mod demand;
pub mod denial;
pub mod docker;
pub mod nearest;
pub mod not_docker;
pub mod request;
pub mod words;
