#include "measurement.hpp"

#include "../statistics.hpp"
#include "cpu_time.hpp"

#include <stdexcept>

namespace tiercel::bench::clients {

void Stretch::pass() {
    std::this_thread::sleep_for(times_.warm_up);
    const auto server_before = cpu_time_of(servers_);
    const auto client_before = own_cpu_time();
    const auto before = std::chrono::steady_clock::now();
    phase_.store(Phase::measuring, std::memory_order_relaxed);
    std::this_thread::sleep_for(times_.measured);
    phase_.store(Phase::over, std::memory_order_relaxed);
    took_ = std::chrono::steady_clock::now() - before;
    client_ = own_cpu_time() - client_before;
    server_ = cpu_time_of(servers_) - server_before;
}

Sample Stretch::sample(const std::vector<Tally>& tallies) const {
    std::uint64_t operations = 0;
    std::vector<std::uint32_t> nanoseconds;
    for (const auto& tally : tallies) {
        operations += tally.operations;
        nanoseconds.insert(nanoseconds.end(), tally.nanoseconds.begin(), tally.nanoseconds.end());
    }
    if (operations == 0) throw std::runtime_error("no operation ended within the measurement: measure for longer");
    const auto count = static_cast<double>(operations);
    Sample sample{.per_second = count / took_.count() * 1e9,
                  .client_ns = static_cast<double>(client_.count()) / count,
                  .server_ns = static_cast<double>(server_.count()) / count};
    if (!nanoseconds.empty()) {
        sample.p50_ns = quantile(nanoseconds, 0.5);
        sample.p99_ns = quantile(nanoseconds, 0.99);
    }
    return sample;
}

} // namespace tiercel::bench::clients
