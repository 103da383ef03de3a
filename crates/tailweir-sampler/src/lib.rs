//! The sans-I/O sampling engine: slab store, trace table, window, decision cache.
