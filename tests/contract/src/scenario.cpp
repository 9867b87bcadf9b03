#include "scenario.hpp"

#include <poll.h>

#include <random>

namespace tiercel::testing::contract {
namespace {

std::string random_prefix() {
    std::random_device device;
    std::string prefix = "tiercel-contract-";
    for (int i = 0; i < 12; ++i)
        prefix += static_cast<char>('a' + device() % 26);
    return prefix + ":";
}

std::string in_brackets(const Error& error) {
    return std::string(1, '(').append(to_string(error.code())).append(")");
}

class ScenarioTest : public ::testing::Test {
public:
    ScenarioTest(const Registration& registration, const Scenario& scenario)
        : registration_(registration), scenario_(scenario) {}

private:
    void TestBody() override {
        Subject subject(registration_);
        scenario_.run(subject);
    }

    const Registration registration_;
    const Scenario scenario_;
};

void add(const Registration& registration, std::span<const Scenario> scenarios) {
    for (const auto& scenario : scenarios)
        ::testing::RegisterTest(
            registration.suite.c_str(), scenario.name, nullptr, nullptr, __FILE__, __LINE__,
            [registration, scenario]() -> ScenarioTest* { return new ScenarioTest(registration, scenario); });
}

} // namespace

int register_scenarios(const Registration& registration) {
    for (const auto scenarios :
         {reading_and_writing(), expiry(), conditional_writes(), limits(), concurrency(), endings()})
        add(registration, scenarios);
    if (registration.make_unreachable) add(registration, unreachable_servers());
    return 0;
}

Subject::Subject(const Registration& registration)
    : callers_(registration.callers),
      fixture_(registration.make()),
      backend_(fixture_->backend()),
      clock_(fixture_->clock()),
      make_unreachable_(registration.make_unreachable),
      prefix_(random_prefix()) {}

spi::CallContext Subject::call(milliseconds from_now) const {
    return {.deadline = (clock_ ? clock_->now() : std::chrono::steady_clock::now()) + from_now};
}

std::vector<std::string> Subject::keys(std::size_t count, std::string_view name) const {
    std::vector<std::string> all;
    all.reserve(count);
    for (std::size_t i = 0; i < count; ++i)
        all.push_back(key(std::string(name) + std::to_string(i)));
    return all;
}

spi::Lookup Subject::get(BytesView key) {
    auto results = run(backend_->get_many({&key, 1}, call()));
    if (results.size() != 1) return Error(Errc::server_error, "get_many of one key gave another number of results");
    return std::move(results.front());
}

std::string Subject::text(BytesView key) {
    const auto found = get(key);
    if (!found) return in_brackets(found.error());
    return found->has_value() ? (*found)->value : std::string(nothing);
}

spi::Version Subject::version(BytesView key) {
    const auto found = get(key);
    if (!found || !found->has_value()) {
        ADD_FAILURE() << "the key is not there, it has no version: " << text(key);
        return {};
    }
    return (*found)->version;
}

Result<void> Subject::put(BytesView key, BytesView value, std::optional<milliseconds> ttl) {
    const spi::PutItem item{key, value, ttl};
    auto results = run(backend_->put_many({&item, 1}, call()));
    if (results.size() != 1) return Error(Errc::server_error, "put_many of one item gave another number of results");
    return std::move(results.front());
}

Result<bool> Subject::erase(BytesView key) {
    auto results = run(backend_->erase_many({&key, 1}, call()));
    if (results.size() != 1) return Error(Errc::server_error, "erase_many of one key gave another number of results");
    return std::move(results.front());
}

Result<bool> Subject::touch(BytesView key, milliseconds ttl) {
    auto results = run(backend_->touch_many({&key, 1}, ttl, call()));
    if (results.size() != 1) return Error(Errc::server_error, "touch_many of one key gave another number of results");
    return std::move(results.front());
}

Result<spi::Conditional> Subject::put_if_absent(BytesView key, BytesView value, std::optional<milliseconds> ttl) {
    return run(backend_->put_if_absent({key, value, ttl}, call()));
}

Result<spi::Conditional> Subject::put_if_version(BytesView key, BytesView value, spi::Version expected,
                                                 std::optional<milliseconds> ttl) {
    return run(backend_->put_if_version({key, value, ttl}, expected, call()));
}

std::vector<spi::Lookup> Subject::get_many(const std::vector<std::string>& keys) {
    const auto all = views(keys);
    return run(backend_->get_many(all, call()));
}

std::vector<Result<bool>> Subject::erase_many(const std::vector<std::string>& keys) {
    const auto all = views(keys);
    return run(backend_->erase_many(all, call()));
}

bool Subject::expires(BytesView key) {
    const auto end = std::chrono::steady_clock::now() + 20s;
    while (text(key) != nothing) {
        if (std::chrono::steady_clock::now() >= end) return false;
        if (clock_)
            clock_->advance(100ms);
        else
            ::poll(nullptr, 0, 5); // servers count on; nothing announces an expiry
    }
    return true;
}

std::string describe(const Result<void>& result) {
    return result ? "done" : in_brackets(result.error());
}

std::string describe(const Result<bool>& result) {
    if (!result) return in_brackets(result.error());
    return *result ? "true" : "false";
}

std::string describe(const Result<spi::Conditional>& result) {
    if (!result) return in_brackets(result.error());
    switch (*result) {
    case spi::Conditional::stored:
        return "stored";
    case spi::Conditional::conflict:
        return "conflict";
    case spi::Conditional::absent:
        return "absent";
    }
    return "no outcome at all";
}

std::vector<BytesView> views(const std::vector<std::string>& strings) {
    return {strings.begin(), strings.end()};
}

} // namespace tiercel::testing::contract
