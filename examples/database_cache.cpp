// How do I cache the results of database queries, and drop them when the data changes?

#include "expect.hpp"

#include <tiercel/cache.hpp>

#include <sqlite3.h>

#include <atomic>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

using namespace std::chrono_literals;

namespace {

struct City {
    std::string name;
    int inhabitants = 0;
};

class Cities {
public:
    Cities() {
        sqlite3* raw = nullptr;
        if (sqlite3_open(":memory:", &raw) != SQLITE_OK) throw std::runtime_error("cannot open the database");
        database_.reset(raw);
        run("CREATE TABLE city (name TEXT, country TEXT, inhabitants INTEGER);"
            "INSERT INTO city VALUES ('Tartu', 'EE', 97435), ('Tallinn', 'EE', 461346), ('Narva', 'EE', 53626),"
            "                        ('Turku', 'FI', 206035), ('Helsinki', 'FI', 684018), ('Oulu', 'FI', 216066);");
    }

    void run(const char* sql) {
        if (sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) fail();
    }

    std::vector<City> larger_than(const std::string& country, int inhabitants) {
        ++queries;
        sqlite3_stmt* raw = nullptr;
        if (sqlite3_prepare_v2(database_.get(),
                               "SELECT name, inhabitants FROM city WHERE country = ? AND inhabitants > ? ORDER BY name",
                               -1, &raw, nullptr) != SQLITE_OK)
            fail();
        const std::unique_ptr<sqlite3_stmt, decltype(&sqlite3_finalize)> statement(raw, sqlite3_finalize);
        sqlite3_bind_text(raw, 1, country.c_str(), -1, SQLITE_TRANSIENT);
        sqlite3_bind_int(raw, 2, inhabitants);
        std::vector<City> rows;
        while (sqlite3_step(raw) == SQLITE_ROW) {
            const auto* name = reinterpret_cast<const char*>(sqlite3_column_text(raw, 0));
            rows.push_back({name, sqlite3_column_int(raw, 1)});
        }
        return rows;
    }

    std::atomic<int> queries = 0;

private:
    [[noreturn]] void fail() { throw std::runtime_error(sqlite3_errmsg(database_.get())); }

    std::unique_ptr<sqlite3, decltype(&sqlite3_close)> database_{nullptr, sqlite3_close};
};

} // namespace

int main() {
    Cities cities;

    // The parameters of the query are the key; a tuple of them needs no hash of its own.
    // [snippet database_cache]
    using Parameters = std::tuple<std::string, int>;
    const auto bytes = [](const Parameters&, const std::vector<City>& rows) {
        return 100 + rows.size() * sizeof(City);
    };
    auto cache = tiercel::Cache<Parameters, std::vector<City>>::create({
        .name = "larger cities",
        .memory = {.max_weight = 16 << 20, .weigher = bytes}, // rows, not results, are what takes room
        .expiry = {.ttl = 5min},
        .loader = [&](const Parameters& key) { return cities.larger_than(std::get<0>(key), std::get<1>(key)); },
    });
    auto& results = cache.value();
    // [/snippet]

    for (int i = 0; i < 100; ++i)
        results.get_or_load({"EE", 90'000}).value();
    results.get_or_load({"FI", 90'000}).value();
    example::expect(cities.queries == 2, "101 lookups, two queries");

    cities.run("INSERT INTO city VALUES ('Pärnu', 'EE', 91000)");
    results.invalidate({"EE", 90'000});
    const auto fresh = results.get_or_load({"EE", 90'000}).value();
    for (const auto& city : *fresh)
        std::cout << city.name << ", " << city.inhabitants << '\n';
    example::expect(fresh->size() == 3, "after invalidate() the new row is there");

    cities.run("DROP TABLE city");
    example::expect(results.get({"FI", 90'000})->size() == 3, "what is cached survives the database");
    const auto failed = results.get_or_load({"SE", 0});
    std::cout << failed.error().message() << '\n';
    example::expect(failed.error() == tiercel::Errc::loader_failed, "an exception in the loader is the caller's error");
}
