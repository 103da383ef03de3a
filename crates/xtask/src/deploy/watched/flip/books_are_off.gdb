# The books of traces are about to be shown. A bit flips in the number of spans that were taken.
tbreak tailweir_gateway::ledger::Ledger::snapshot
continue
# In Rust's words the debugger would look for the type in the whole program, while the process stands still.
set language c
set var *(unsigned long long *)&self->books[0].taken.items ^= 1048576
detach
