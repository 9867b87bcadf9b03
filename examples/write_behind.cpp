// How do I answer a write before the slow source of truth has it, and lose none when the process is killed?

#include "expect.hpp"

#include <tiercel/cache.hpp>
#include <tiercel/journal.hpp>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <vector>

using namespace std::chrono_literals;

namespace {

using Score = tiercel::Write<std::string, std::uint64_t>;

/// A score board that takes a batch at a time, and is down at times.
class Board {
public:
    std::vector<tiercel::Result<void>> save(std::span<const Score> scores) {
        ++calls;
        std::vector<tiercel::Result<void>> results;
        for (const auto& score : scores) {
            if (down) {
                results.emplace_back(tiercel::Error(tiercel::Errc::writer_failed, "the board is down"));
                continue;
            }
            const std::lock_guard lock(mutex_);
            rows_[score.key] = score.value; // the same again changes nothing: a writer may be asked twice
            results.emplace_back();
        }
        return results;
    }
    std::map<std::string, std::uint64_t> rows() {
        const std::lock_guard lock(mutex_);
        return rows_;
    }

    std::atomic<int> calls = 0;
    std::atomic<bool> down = false;

private:
    std::mutex mutex_;
    std::map<std::string, std::uint64_t> rows_;
};

/// Removed at the end.
struct Folder {
    std::filesystem::path path;
    Folder() {
        std::string name = (std::filesystem::temp_directory_path() / "tiercel-example-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) std::exit(1);
        path = name;
    }
    ~Folder() { std::filesystem::remove_all(path); }
};

using Scores = tiercel::Cache<std::string, std::uint64_t>;

Scores open_scores(Board& board, const std::filesystem::path& folder) {
    // [snippet write_behind]
    auto cache = tiercel::Cache<std::string, std::uint64_t>::create({
        .name = "scores",
        .timeouts = {.close = 200ms}, // how long the end of the program waits for the source
        .writer = [&](std::span<const Score> scores) { return board.save(scores); },
        .write_behind = {.acknowledge = tiercel::Acknowledge::journal, // or memory: faster, and gone with the process
                         .journal = tiercel::open_journal(folder / "scores.journal"),
                         .max_writes = 100'000, // more players than that wait for room
                         .delay = 50ms},        // a score that changes again within it is written once
    });
    // [/snippet]
    return std::move(cache).value();
}

} // namespace

int main() {
    const Folder folder;
    Board board;
    {
        const auto scores = open_scores(board, folder.path);
        int acknowledged = 0;
        for (std::uint64_t points = 1; points <= 100; ++points) {
            // [snippet write_behind_put]
            const auto report = scores.put("ada", points); // returns when the journal has it on disk
            if (!report) std::cerr << report.error().message() << '\n';
            // [/snippet]
            acknowledged += report && report->source == tiercel::SourceOutcome::in_journal ? 1 : 0;
        }
        example::expect(acknowledged == 100, "each put is acknowledged by the journal");
        example::expect(scores.get("ada") && *scores.get("ada") == 100, "readers see it at once");
    } // close() writes what is pending
    example::expect(board.rows()["ada"] == 100, "the board has the last score");
    std::cout << "100 puts, " << board.calls << " calls of the board\n";

    board.down = true;
    {
        const auto scores = open_scores(board, folder.path);
        example::expect(scores.put("grace", 7).has_value(), "the board is down, the put is not");
        scores.invalidate("grace");
        // What is pending goes before the source: no loader is asked for it.
        const auto loader = [](const std::string&) -> tiercel::Result<std::optional<std::uint64_t>> { return 1; };
        const auto grace = scores.get_or_load("grace", loader);
        example::expect(grace && **grace == 7, "lookups have what was put");
    } // gives up after 200 ms: the write stays in the journal, as it would after kill -9

    board.down = false;
    const auto scores = open_scores(board, folder.path);
    example::expect(scores.stats().write_behind->recovered == 1, "it is found again");
    example::expect(scores.close().has_value(), "and drained");
    example::expect(board.rows()["grace"] == 7, "so that the board has it in the end");
    std::cout << "the next process wrote what this one could not\n";
}
