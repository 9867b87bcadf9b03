#pragma once

#include <tiercel/result.hpp>
#include <tiercel/spi/journal.hpp>

#include <cstdint>
#include <filesystem>
#include <memory>

namespace tiercel {

/// What an acknowledged write survives.
enum class Survives : std::uint8_t {
    /// The process: kill -9, a crash, a deployment. Not a power failure or a crash of the machine.
    process,
    /// These too: each group of writes waits for the disk.
    power_failure,
};

struct JournalOptions {
    Survives survives = Survives::power_failure;
    /// The file grows to this and no more; a put that finds no room there fails. While the cache is busy there is a
    /// second file beside it (`-wal`), of some megabytes. At least 64 KiB.
    std::uint64_t max_bytes = std::uint64_t{1} << 30;
};

/// Opens the SQLite file at `path` as a journal of pending writes (WriteBehindOptions), or makes it.
/// Its folder must be there, on a local file system. One process at a time has it, until the journal goes; the kernel
/// takes the lock from a process that was killed. Blocks for some milliseconds.
/// Errors: connection_failed, when another process has it, or it cannot be opened; corrupt, when it is no journal, or
/// damaged as a whole (single damaged values are skipped and counted); unsupported, when a newer tiercel has made it;
/// invalid_option.
Result<std::shared_ptr<spi::Journal>> open_journal(const std::filesystem::path& path,
                                                   const JournalOptions& options = {});

} // namespace tiercel
