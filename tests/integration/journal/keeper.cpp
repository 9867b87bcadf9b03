// A process that acknowledges writes by its journal, to be killed: keeper <journal> <source> <first value> [drain]
// Each acknowledgement is a line "key value" on its output; what its writer gets, a line of the source file.
#include "keeper.hpp"

#include <tiercel/cache.hpp>
#include <tiercel/journal.hpp>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

/// One system call, which a kill does not divide.
void put_line(int file, const std::string& key, std::uint64_t value) {
    const std::string line = key + ' ' + std::to_string(value) + '\n';
    if (::write(file, line.data(), line.size()) != static_cast<ssize_t>(line.size())) std::_Exit(3);
}

int fail(const tiercel::Error& error) {
    std::fprintf(stderr, "keeper: %s\n", error.message().c_str());
    return 1;
}

} // namespace

int main(int count, char** words) {
    using namespace std::chrono_literals;
    using Kept = tiercel::Cache<std::string, std::uint64_t>;
    if (count < 4) return 2;
    const std::uint64_t first = std::strtoull(words[3], nullptr, 10);
    const bool drains = count > 4;
    const int source = ::open(words[2], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    std::atomic<unsigned> calls{0};

    Kept::Options options;
    options.name = tiercel::test::keeper_cache;
    options.writer = [&](std::span<const tiercel::Write<std::string, std::uint64_t>> writes) {
        std::vector<tiercel::Result<void>> results;
        const auto call = ++calls;
        for (const auto& write : writes) {
            if (!drains && call % 3 == 0) {
                results.emplace_back(tiercel::Error(tiercel::Errc::writer_failed, "not this time"));
                continue;
            }
            put_line(source, write.key, write.value);
            results.emplace_back();
        }
        return results;
    };
    options.write_behind.acknowledge = tiercel::Acknowledge::journal;
    options.write_behind.journal = tiercel::open_journal(
        words[1], {.survives = first % 2 == 0 ? tiercel::Survives::process : tiercel::Survives::power_failure});
    options.write_behind.max_writes = 1'000;
    options.write_behind.max_batch = 16;
    options.write_behind.delay = 1ms;
    options.write_behind.retry_min = 1ms;
    options.write_behind.retry_max = 4ms;
    options.timeouts.close = 60s;
    auto cache = Kept::create(std::move(options));
    if (!cache) return fail(cache.error());
    if (drains) {
        const auto closed = cache->close();
        return closed ? 0 : fail(closed.error());
    }

    std::vector<std::thread> threads;
    for (unsigned t = 0; t < tiercel::test::keeper_threads; ++t) {
        threads.emplace_back([&, t] {
            for (std::uint64_t value = first;; ++value) {
                const auto key = std::to_string(t) + "-" + std::to_string(value * 7 % 20);
                if (cache->put(key, value)) put_line(STDOUT_FILENO, key, value);
            }
        });
    }
    for (auto& thread : threads)
        thread.join();
}
