#include <tiercel/memcached.hpp>
#include <tiercel/spi/backend.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

namespace tiercel::memcached {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

std::string complaint(const Options& options, std::string_view servers = "127.0.0.1") {
    const auto made = connect(servers, options);
    if (made) return "none";
    EXPECT_EQ(made.error().code(), Errc::invalid_option);
    return made.error().message();
}

struct BadOption {
    const char* field;
    std::function<void(Options&)> spoil;
    const char* servers = "127.0.0.1";
};

void PrintTo(const BadOption& option, std::ostream* out) {
    *out << option.field;
}

class MemcachedOption : public ::testing::TestWithParam<BadOption> {};

TEST_P(MemcachedOption, out_of_range_or_contradictory_is_an_error_that_names_it) {
    Options options;
    GetParam().spoil(options);
    EXPECT_THAT(complaint(options, GetParam().servers),
                HasSubstr(std::string("memcached::Options::") + GetParam().field));
}

INSTANTIATE_TEST_SUITE_P(
    Each, MemcachedOption,
    ::testing::Values(
        BadOption{"connect_timeout", [](Options& o) { o.connect_timeout = 0ms; }},
        BadOption{"max_silence", [](Options& o) { o.max_silence = 25h; }},
        BadOption{"reconnect_delay_max", [](Options& o) { o.reconnect_delay_max = 1ms; }},
        BadOption{"connections", [](Options& o) { o.connections = 65; }},
        BadOption{"blocking_connections", [](Options& o) { o.blocking_connections = 65; }},
        BadOption{"max_pending_calls", [](Options& o) { o.max_pending_calls = 0; }},
        BadOption{"max_pending_bytes", [](Options& o) { o.max_pending_bytes = o.max_value_bytes; }},
        BadOption{"max_value_bytes", [](Options& o) { o.max_value_bytes = 0; }},
        BadOption{"max_value_bytes", [](Options& o) { o.max_value_bytes = std::size_t{1} << 30; }},
        BadOption{"tls.ca_file", [](Options& o) { o.tls = TlsOptions{.ca_file = "/no/such/file"}; }},
        BadOption{"tls", [](Options& o) { o.tls = TlsOptions(); }, "a, unix:///run/m.sock"},
        BadOption{"gutter.servers", [](Options& o) { o.gutter = Gutter(); }},
        BadOption{"gutter.servers", [](Options& o) { o.gutter = Gutter{.servers = "a:x"}; }},
        BadOption{"gutter.servers", [](Options& o) { o.gutter = Gutter{.servers = "b, b"}; }},
        BadOption{"gutter.servers", [](Options& o) { o.gutter = Gutter{.servers = "b, 127.0.0.1:11211"}; }},
        BadOption{"gutter.max_ttl", [](Options& o) { o.gutter = Gutter{.servers = "b", .max_ttl = 999ms}; }},
        BadOption{"gutter.max_ttl", [](Options& o) { o.gutter = Gutter{.servers = "b", .max_ttl = 1h}; }},
        BadOption{"gutter.dead_after", [](Options& o) { o.gutter = Gutter{.servers = "b", .dead_after = 0ms}; }}));

TEST(MemcachedOptions, are_sound_by_default) {
    EXPECT_EQ(complaint({}), "none");
    EXPECT_EQ(complaint({.tls = TlsOptions()}), "none");
    EXPECT_EQ(complaint({.gutter = Gutter{.servers = "unix:///run/g.sock"}}), "none");
}

TEST(MemcachedSaslOptions, out_of_range_are_named) {
    const auto sasl_complaint = [](const SaslOptions& options) {
        const auto made = connect_sasl("127.0.0.1", options);
        return made ? std::string("none") : made.error().message();
    };
    EXPECT_THAT(sasl_complaint({}), HasSubstr("SaslOptions::username"));
    EXPECT_THAT(sasl_complaint({.username = "u", .connect_timeout = 0ms}), HasSubstr("connect_timeout"));
    EXPECT_THAT(sasl_complaint({.username = "u", .request_timeout = -1ms}), HasSubstr("request_timeout"));
    EXPECT_THAT(sasl_complaint({.username = "u", .retry_interval = 1000h}), HasSubstr("retry_interval"));
    EXPECT_THAT(sasl_complaint({.username = "u", .max_value_bytes = 0}), HasSubstr("max_value_bytes"));
    EXPECT_THAT(sasl_complaint({.username = "u", .threads = 0}), HasSubstr("threads"));
    EXPECT_THAT(sasl_complaint({.username = "u", .max_queued = 0}), HasSubstr("max_queued"));
    EXPECT_EQ(sasl_complaint({.username = "u", .password = "p"}), "none");
}

TEST(MemcachedSaslOptions, do_not_go_with_a_unix_socket) {
    const auto made = connect_sasl("a, unix:///run/m.sock", {.username = "u", .password = "p"});
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code(), Errc::invalid_option);
    EXPECT_THAT(made.error().message(), HasSubstr("/run/m.sock"));
}

TEST(MemcachedBackend, says_what_it_can_do_and_connects_to_nothing_before_it_must) {
    const auto backend = connect("no-such-host.invalid, 127.0.0.1:1", {.max_value_bytes = 77});
    ASSERT_TRUE(backend) << backend.error().message();
    EXPECT_EQ((*backend)->name(), "memcached");
    const auto capabilities = (*backend)->capabilities();
    EXPECT_EQ(capabilities.max_key_bytes, 250u);
    EXPECT_FALSE(capabilities.binary_keys);
    EXPECT_EQ(capabilities.max_value_bytes, 77u);
    EXPECT_TRUE(capabilities.conditional_writes);
    EXPECT_TRUE(capabilities.reads_ttl);
    EXPECT_FALSE(capabilities.scans);
}

} // namespace
} // namespace tiercel::memcached
