// How do I put a cache beside a query that I have: get, else query, then set?

#include "expect.hpp"

#include <tiercel/cache.hpp>

#include <atomic>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

namespace {

struct User {
    std::string name;
    int age = 0;
};

class Database {
public:
    std::optional<User> query(const std::string& id) const {
        ++queries;
        const auto row = rows_.find(id);
        return row == rows_.end() ? std::nullopt : std::optional(row->second);
    }
    mutable std::atomic<int> queries = 0;

private:
    std::map<std::string, User> rows_ = {{"42", {"Ada", 36}}, {"43", {"Grace", 41}}};
};

} // namespace

int main() {
    const Database database;
    auto users = tiercel::Cache<std::string, User>::create({.name = "users", .expiry = {.ttl = 10min}}).value();

    // [snippet cache_aside]
    const auto find_user = [&](const std::string& id) -> std::optional<User> {
        if (auto hit = users.get(id)) return *hit;
        auto user = database.query(id);
        if (user) users.put(id, *user);
        return user;
    };
    // [/snippet]
    find_user("42");
    const auto again = find_user("42");
    example::expect(again && again->name == "Ada" && database.queries == 1, "the second lookup asks no database");

    find_user("nobody");
    find_user("nobody");
    example::expect(database.queries == 3, "but who is not there is asked for each time");

    // Better: give the query to the lookup. Callers who miss the same key at the same time share one query, an
    // invalidation during the query is not overwritten by it, and "no such user" is remembered too, briefly.
    // [snippet get_or_load]
    const auto load = [&](const std::string& id) { return database.query(id); };
    auto user = users.get_or_load("43", load); // Result<Handle<User>>
    // [/snippet]
    example::expect(user && *user && (*user)->name == "Grace", "get_or_load finds the user");

    users.clear();
    database.queries = 0;
    {
        std::vector<std::jthread> callers;
        for (int i = 0; i < 8; ++i)
            callers.emplace_back([&] { users.get_or_load("43", load).value(); });
    }
    example::expect(database.queries == 1, "8 threads miss one key, and one query runs");

    users.get_or_load("nobody", load).value();
    const auto absent = users.get_or_load("nobody", load).value();
    example::expect(!absent && absent.known_absent() && database.queries == 2, "absence is remembered");
}
