// How do I write through the cache, and know what became of the write?

#include "expect.hpp"
#include "servers.hpp"

#include <tiercel/cache.hpp>
#include <tiercel/redis.hpp>

#include <iostream>
#include <map>
#include <mutex>
#include <optional>
#include <string>

using namespace std::chrono_literals;

namespace {

/// The source of truth; it takes no negative balances.
class Ledger {
public:
    std::optional<long> read(const std::string& account) const {
        const std::lock_guard lock(mutex_);
        const auto balance = balances_.find(account);
        return balance == balances_.end() ? std::nullopt : std::optional(balance->second);
    }
    tiercel::Result<void> write(const std::string& account, long balance) {
        if (balance < 0) return tiercel::Error(tiercel::Errc::writer_failed, "the balance would be negative");
        const std::lock_guard lock(mutex_);
        balances_[account] = balance;
        return {};
    }

private:
    mutable std::mutex mutex_;
    std::map<std::string, long> balances_ = {{"alice", 100}};
};

} // namespace

int main() {
    example::OwnRedis redis;
    Ledger ledger;

    // [snippet write_through]
    auto cache = tiercel::Cache<std::string, long>::create({
        .name = "accounts",
        .tiers = {{.backend = tiercel::redis::connect(redis.url()), .name = "redis", .timeout = 500ms}},
        .loader = [&](const std::string& account) { return ledger.read(account); },
        .writer = [&](const std::string& account, long balance) { return ledger.write(account, balance); },
    });
    auto& accounts = cache.value();

    auto written = accounts.put("alice", 250); // the ledger first, then Redis, then memory
    // [/snippet]
    example::expect(written && written->complete(), "every place took the write");
    example::expect(ledger.read("alice") == 250 && example::gives(accounts.get("alice"), 250),
                    "ledger and cache agree");

    // [snippet write_refused]
    auto refused = accounts.put("alice", -1);
    if (!refused) std::cerr << refused.error().message() << '\n'; // success is never claimed for a failed write
    // [/snippet]
    example::expect(refused.error() == tiercel::Errc::writer_failed, "the ledger's refusal is the caller's error");
    example::expect(!accounts.get("alice"), "and nobody knows better than the ledger now: the key is dropped");
    example::expect(*accounts.get_or_load("alice").value() == 250, "which still has what it had");

    redis.kill9();
    // [snippet write_report]
    auto partial = accounts.put("alice", 300);
    for (const auto& outcome : partial->tiers) {
        if (outcome.error) std::cerr << outcome.tier << ": " << outcome.error->message() << '\n';
    }
    // [/snippet]
    example::expect(ledger.read("alice") == 300, "without Redis the write still succeeds");
    example::expect(!partial->complete() && partial->tiers.at(0).tier == "redis", "and the report names who missed it");
    example::expect(example::gives(accounts.get("alice"), 300), "memory has it");
}
