#include "memory_use.hpp"

#define BOOST_PROCESS_USE_STD_FS 1
#include <boost/process.hpp>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <regex>
#include <stdexcept>
#include <utility>
#include <vector>

namespace tiercel::bench::peers {
namespace {

constexpr std::uint64_t entries = 1'000'000;

double resident_bytes() {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;) {
        double kibibytes = 0;
        if (word == "VmRSS:" && status >> kibibytes) return kibibytes * 1024;
    }
    throw std::runtime_error("/proc/self/status has no VmRSS");
}

/// Per entry, as a process of its own prints it.
double resident_bytes_with(const std::string& contender) {
    namespace process = boost::process;
    process::ipstream out;
    process::child child(std::filesystem::read_symlink("/proc/self/exe").string(), memory_of_option, contender,
                         process::std_out > out);
    double bytes = 0;
    out >> bytes;
    child.wait();
    if (child.exit_code() != 0 || bytes <= 0) throw std::runtime_error("cannot measure the memory of " + contender);
    return bytes;
}

} // namespace

void measure_memory(const std::string& filter, Results& results) {
    const std::regex wanted(filter);
    for (const auto& entrant : entrants<std::uint64_t>({})) {
        if (entrant.role == Role::tiercel_batches) continue;
        if (!std::regex_search("memory: " + entrant.name, wanted)) continue;
        if (results.payload_bytes == 0) results.payload_bytes = resident_bytes_with(payload_only);
        const auto bytes = resident_bytes_with(entrant.name);
        results.memory.push_back({entrant.name, bytes, bytes - results.payload_bytes});
    }
}

int measure_memory_of(const std::string& contender) {
    std::vector<std::pair<std::uint64_t, std::string>> payloads;
    std::unique_ptr<Runner<std::uint64_t>> runner;
    auto count = entries;
    auto all = entrants<std::uint64_t>({});
    const auto before = resident_bytes();
    if (contender == payload_only) {
        payloads.reserve(entries);
        for (std::uint64_t key = 0; key < entries; ++key)
            payloads.emplace_back(key, payload);
    } else {
        const auto found = std::ranges::find(all, contender, &Entrant<std::uint64_t>::name);
        if (found == all.end()) return 2;
        runner = found->make(entries);
        runner->fill(entries);
    }
    const auto after = resident_bytes();
    if (runner) count = runner->resident(entries);
    std::cout << (after - before) / static_cast<double>(count) << '\n';
    return 0;
}

} // namespace tiercel::bench::peers
