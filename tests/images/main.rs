//! Tests with a container engine, one module for each promise of summon. `tests/scripts/images` makes
//! their images.
