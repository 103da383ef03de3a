//! The Tailweir binary.

/// Large request bodies come and go; jemalloc keeps their pages instead of handing them back to the
/// system each time.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> std::process::ExitCode {
    tailweir::main()
}
