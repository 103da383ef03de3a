//! The real binary, from its start to its end.

mod cluster;
mod commands;
mod demo;
mod example;
mod gateway;
mod golden;
mod lifecycle;
mod reload;
mod simulate;
