// How do I put memory in front of Redis in front of my source of truth?
//   ./two_tiers [--redis redis://host:port]

#include "expect.hpp"
#include "servers.hpp"

#include <tiercel/cache.hpp>
#include <tiercel/described.hpp>
#include <tiercel/redis.hpp>
#include <tiercel/zstd.hpp>

#include <boost/describe/class.hpp>

#include <atomic>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

using namespace std::chrono_literals;

// [snippet two_tiers_type]
struct User {
    std::string name;
    int age = 0;
    std::vector<std::string> mails;
};
BOOST_DESCRIBE_STRUCT(User, (), (name, age, mails)) // all that it takes to travel to Redis and back
// [/snippet]

namespace {

std::atomic<int> queries = 0;

/// The source of truth. Slow and dear, we say.
tiercel::Result<std::optional<User>> find(const std::string& id) {
    ++queries;
    if (id == "broken") return tiercel::Error(tiercel::Errc::loader_failed, "the database is down");
    if (id.starts_with("no")) return std::nullopt;
    return User{"user " + id, 42, {id + "@example.org", id + "@example.com"}};
}

} // namespace

int main(int argc, char** argv) {
    const example::Redis server(argc, argv);
    const auto start_service = [&] {
        // [snippet two_tiers]
        auto users = tiercel::Cache<std::string, User>::create({
            .name = "users",
            .memory = {.max_entries = 100'000},
            .tiers = {{.backend = tiercel::redis::connect(server.url()),
                       .compressor = tiercel::zstd::compressor({.level = 3}),
                       .timeout = 500ms}}, // a slower Redis counts as a failing one
            .expiry = {.ttl = 10min, .jitter = 0.1},
            .loader = find, // Result<std::optional<User>>(const std::string&)
        });
        // [/snippet]
        return std::move(users).value();
    };

    auto users = start_service();
    users.clear(); // for a Redis that an earlier run has filled

    // [snippet two_tiers_use]
    auto user = users.get_or_load("42"); // memory, then Redis, then the loader, which fills both
    if (!user) std::cerr << user.error().message() << '\n';
    if (user && *user) std::cout << (*user)->name << '\n';
    // [/snippet]
    using Kind = tiercel::Source::Kind;
    example::expect(user->source().kind == Kind::loader, "the first lookup loads");
    example::expect(users.get("42").source().kind == Kind::memory, "the next one is answered from memory");

    // [snippet outcomes]
    auto nobody = users.get_or_load("nobody"); // an empty Handle: the source has no such user
    auto broken = users.get_or_load("broken"); // an Error: nobody knows
    // [/snippet]
    example::expect(nobody && nobody->known_absent(), "\"no such user\" is an answer");
    example::expect(broken.error() == tiercel::Errc::loader_failed, "a failure is an error, and is never cached");
    std::cout << broken.error().message() << '\n' << to_table(users.stats()) << '\n';

    users.close(); // callers are answered before the tiers are filled; this waits for that
    queries = 0;
    auto elsewhere = start_service(); // another process, on another machine
    const auto found = elsewhere.get("42");
    example::expect(found && found.source().kind == Kind::tier, "another service finds it in Redis");
    example::expect(found->mails.at(1) == "42@example.com", "with all its fields");
    example::expect(queries == 0, "without another query");
}
