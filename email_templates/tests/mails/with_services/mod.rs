//! Tests that need other programs, which `script/bootstrap` installs. `script/test --quick` leaves them out.

mod client_support;
