#include "golden_cases.hpp"

#include "wire/key_encoding.hpp"
#include "wire/manifest.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

namespace tiercel::golden {
namespace {

std::filesystem::path file_of(std::string_view name) {
    return std::filesystem::path(TIERCEL_GOLDEN_DIR) / (std::string(name) + ".hex");
}

Bytes bytes_of(std::string_view name) {
    std::ifstream file(file_of(name));
    EXPECT_TRUE(file) << file_of(name);
    Bytes bytes;
    for (std::string line; std::getline(file, line);) {
        std::istringstream digits(line.substr(0, line.find('#')));
        for (std::string byte; digits >> byte;)
            bytes.push_back(static_cast<char>(std::stoi(byte, nullptr, 16)));
    }
    return bytes;
}

TEST(Golden, every_file_is_read) {
    for_each_case([](std::string_view name, auto key, const auto& header, const auto& value, const auto& compressor) {
        SCOPED_TRACE(name);
        using T = std::remove_cvref_t<decltype(value)>;
        const Bytes stored = bytes_of(name);
        const wire::Expected expected{wire::fingerprint(key), Codec<T>::id, Codec<T>::schema()};
        wire::Unpacked unpacked;
        const auto defect = wire::Packer(compressor, max_value_bytes).unpack(stored, expected, unpacked);
        ASSERT_EQ(defect, wire::Defect::none) << to_string(defect);
        EXPECT_EQ(unpacked.header.negative, header.negative);
        EXPECT_EQ(unpacked.header.created, header.created);
        EXPECT_EQ(unpacked.header.expires, header.expires);
        EXPECT_EQ(unpacked.header.version, header.version);
        EXPECT_EQ(unpacked.header.compressor, compressor ? compressor->id() : 0);
        if (header.negative) return;
        const auto decoded = Codec<T>::decode(unpacked.payload);
        ASSERT_TRUE(decoded);
        EXPECT_TRUE(*decoded == value);
    });
}

TEST(Golden, every_uncompressed_file_is_written_byte_by_byte) {
    for_each_case([](std::string_view name, auto key, const auto& header, const auto& value, const auto& compressor) {
        SCOPED_TRACE(name);
        if (compressor) return;
        EXPECT_TRUE(written(key, header, value, compressor) == bytes_of(name));
    });
}

TEST(Golden, every_file_has_its_case) {
    std::set<std::string> cases;
    for_each_case([&](std::string_view name, auto&&...) { cases.insert(std::string(name)); });
#ifndef TIERCEL_GOLDEN_ZSTD
    cases.insert("zstd_string");
#endif
    cases.insert("lease");
    cases.insert("manifest");
    std::set<std::string> files;
    for (const auto& file : std::filesystem::directory_iterator(TIERCEL_GOLDEN_DIR)) {
        files.insert(file.path().stem().string());
    }
    EXPECT_EQ(files, cases);
}

TEST(Golden, the_manifest_is_read_and_written_byte_by_byte) {
    const auto manifest = manifest_of_long_text();
    const auto read = wire::read_manifest(bytes_of("manifest"), max_value_bytes);
    ASSERT_TRUE(read);
    EXPECT_TRUE(*read == manifest);
    EXPECT_TRUE(wire::write_manifest(manifest) == bytes_of("manifest"));
}

TEST(Golden, the_lease_is_read_and_written_byte_by_byte) {
    const auto carried = carried_by_the_lease();
    const auto stored = bytes_of("lease");
    wire::Lease lease;
    ASSERT_EQ(wire::open_lease(stored, of_the_lease(), lease), wire::Defect::none);
    const auto expected = lease_carrying(carried);
    EXPECT_EQ(lease.token, expected.token);
    EXPECT_EQ(lease.created, expected.created);
    EXPECT_EQ(lease.expires, expected.expires);
    EXPECT_TRUE(lease.carried == carried);
    EXPECT_TRUE(wire::seal_lease(expected, of_the_lease()) == stored);
}

// A key that moves is a value lost: the forms of keys are as fixed as the envelope.
TEST(Golden, backend_keys_are_written_so) {
    constexpr wire::KeyAlphabet memcached{250, false};
    EXPECT_EQ(wire::backend_key("users:", "42", {}), "users:42");
    EXPECT_EQ(wire::backend_key("users:", "a b%", memcached), "users:a%20b%25");
    EXPECT_EQ(wire::backend_key("users:", Bytes(300, 'k'), memcached), "users:%#9E6C2C21ECD7D091787A058442887512");
    EXPECT_EQ(wire::backend_key("users:", wire::chunk_key(manifest_of_long_text().id, 12), memcached),
              "users:%00chunk:FEDCBA98765432100123456789ABCDEF:12");
    EXPECT_EQ(wire::backend_key("", Bytes(41, 'k'), {40, false}), "%#0DDAFB1855BA6619C37BB97BA4BD1716");
}

} // namespace
} // namespace tiercel::golden
