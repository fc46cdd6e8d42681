//! Tests that need programs installed by `script/bootstrap`. `script/test --quick` skips them.

mod client_support;
