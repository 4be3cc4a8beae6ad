//! `wembed serve`: its routes without sockets, and the program as those who start it see it.

mod cache;
mod demo;
mod document;
mod guard;
mod ollama;
mod openai;
mod own;
mod process;
mod server;
mod tei;
