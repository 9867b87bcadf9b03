#pragma once

#include <tiercel/memcached.hpp>
#include <tiercel/spi/backend.hpp>
#include <tiercel/testing/run.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tiercel::test {

using namespace std::chrono_literals;

/// More than any call of a healthy server needs.
inline constexpr std::chrono::milliseconds ample = 30s;

/// The operations of a memcached backend as blocking calls.
class Calls {
public:
    explicit Calls(std::string_view servers, const memcached::Options& options = {})
        : Calls(memcached::connect(servers, options).value()) {}
    explicit Calls(std::shared_ptr<spi::Backend> backend) : backend_(std::move(backend)) {}

    spi::Backend& backend() const { return *backend_; }

    spi::Lookup get(BytesView key, std::chrono::milliseconds patience = ample) const {
        auto found = get_many({key}, patience);
        return std::move(found.front());
    }
    std::vector<spi::Lookup> get_many(const std::vector<BytesView>& keys,
                                      std::chrono::milliseconds patience = ample) const {
        return testing::run(backend_->get_many(keys, by(patience)));
    }
    Result<void> put(BytesView key, BytesView value, std::optional<std::chrono::milliseconds> ttl = {},
                     std::chrono::milliseconds patience = ample) const {
        const std::vector<spi::PutItem> items = {{.key = key, .value = value, .ttl = ttl}};
        return put_many(items, patience).front();
    }
    std::vector<Result<void>> put_many(const std::vector<spi::PutItem>& items,
                                       std::chrono::milliseconds patience = ample) const {
        return testing::run(backend_->put_many(items, by(patience)));
    }
    Result<bool> erase(BytesView key, std::chrono::milliseconds patience = ample) const {
        return testing::run(backend_->erase_many(std::vector{key}, by(patience))).front();
    }
    std::vector<Result<bool>> erase_many(const std::vector<BytesView>& keys) const {
        return testing::run(backend_->erase_many(keys, by(ample)));
    }
    Result<bool> touch(BytesView key, std::chrono::milliseconds ttl) const {
        return testing::run(backend_->touch_many(std::vector{key}, ttl, by(ample))).front();
    }
    Result<spi::Conditional> put_if_absent(BytesView key, BytesView value) const {
        return testing::run(backend_->put_if_absent({.key = key, .value = value, .ttl = {}}, by(ample)));
    }
    Result<spi::Conditional> put_if_version(BytesView key, BytesView value, spi::Version version) const {
        return testing::run(backend_->put_if_version({.key = key, .value = value, .ttl = {}}, version, by(ample)));
    }
    Result<void> ping(std::chrono::milliseconds patience = ample) const {
        return testing::run(backend_->ping(by(patience)));
    }
    void close() const { backend_->close(); }

private:
    static spi::CallContext by(std::chrono::milliseconds patience) {
        return {.deadline = std::chrono::steady_clock::now() + patience};
    }
    std::shared_ptr<spi::Backend> backend_;
};

/// The value found; "<nothing>" or "<the error's kind>" otherwise.
inline std::string text(const spi::Lookup& lookup) {
    if (!lookup) return '<' + std::string(to_string(lookup.error().code())) + '>';
    return *lookup ? (*lookup)->value : "<nothing>";
}

/// "done", "true", "stored" and the like, or the error's kind.
inline std::string text(const Result<void>& result) {
    return result ? "done" : std::string(to_string(result.error().code()));
}
inline std::string text(const Result<bool>& result) {
    return result ? (*result ? "true" : "false") : std::string(to_string(result.error().code()));
}
inline std::string text(const Result<spi::Conditional>& result) {
    static constexpr const char* names[] = {"stored", "conflict", "absent"};
    return result ? names[static_cast<int>(*result)] : std::string(to_string(result.error().code()));
}

} // namespace tiercel::test
