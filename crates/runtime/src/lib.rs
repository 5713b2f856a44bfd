//! Configuration, telemetry, admin port, shutdown and clock.
