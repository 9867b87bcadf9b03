#include "wire/envelope.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <rapidcheck/gtest.h>

#include <set>

namespace tiercel::wire {
namespace {

using std::chrono::microseconds;
using namespace std::chrono_literals;

Header some_header(BytesView key, BytesView payload) {
    Header header;
    header.codec = 5;
    header.schema = 0xCAFE0042;
    header.raw_bytes = static_cast<std::uint32_t>(payload.size());
    header.key = fingerprint(key);
    header.created = SystemTime(microseconds(1'700'000'000'000'000));
    header.expires = SystemTime(microseconds(1'700'000'600'000'000));
    header.version = 77;
    return header;
}

Expected expecting(BytesView key) {
    return {fingerprint(key), 5, 0xCAFE0042};
}

Bytes some_envelope() {
    return seal(some_header("user:42", "payload"), "payload");
}

Defect defect_of(BytesView bytes, const Expected& expected = expecting("user:42")) {
    Opened opened;
    return open(bytes, expected, opened);
}

TEST(Envelope, gives_back_what_was_sealed) {
    const Bytes sealed = some_envelope();
    Opened opened;
    ASSERT_EQ(open(sealed, expecting("user:42"), opened), Defect::none);
    EXPECT_EQ(sealed.size(), header_bytes + 7);
    EXPECT_EQ(opened.payload, "payload");
    EXPECT_FALSE(opened.header.negative);
    EXPECT_EQ(opened.header.codec, 5);
    EXPECT_EQ(opened.header.compressor, 0);
    EXPECT_EQ(opened.header.schema, 0xCAFE0042);
    EXPECT_EQ(opened.header.raw_bytes, 7U);
    EXPECT_EQ(opened.header.key, fingerprint("user:42"));
    EXPECT_EQ(opened.header.created, SystemTime(microseconds(1'700'000'000'000'000)));
    EXPECT_EQ(opened.header.expires, SystemTime(microseconds(1'700'000'600'000'000)));
    EXPECT_EQ(opened.header.version, 77U);
}

TEST(Envelope, a_negative_has_no_payload) {
    Header header = some_header("user:42", "");
    header.negative = true;
    Opened opened;
    const Bytes sealed = seal(header, "");
    ASSERT_EQ(open(sealed, expecting("user:42"), opened), Defect::none);
    EXPECT_TRUE(opened.header.negative);
    EXPECT_TRUE(opened.payload.empty());
}

TEST(Envelope, no_expiry_stays_no_expiry) {
    Header header = some_header("k", "v");
    header.expires.reset();
    Opened opened;
    const Bytes sealed = seal(header, "v");
    ASSERT_EQ(open(sealed, expecting("k"), opened), Defect::none);
    EXPECT_EQ(opened.header.expires, std::nullopt);
}

TEST(Envelope, an_expiry_at_the_epoch_does_not_become_no_expiry) {
    Header header = some_header("k", "v");
    header.expires = SystemTime(microseconds(0));
    Opened opened;
    const Bytes sealed = seal(header, "v");
    ASSERT_EQ(open(sealed, expecting("k"), opened), Defect::none);
    ASSERT_TRUE(opened.header.expires);
    EXPECT_LE(*opened.header.expires, SystemTime(microseconds(0)));
}

TEST(Envelope, every_truncation_is_a_defect) {
    const Bytes sealed = some_envelope();
    for (std::size_t size = 0; size < sealed.size(); ++size) {
        EXPECT_EQ(defect_of(BytesView(sealed).substr(0, size)), Defect::truncated) << size;
    }
}

TEST(Envelope, every_flipped_bit_is_a_defect) {
    Bytes sealed = some_envelope();
    for (std::size_t byte = 0; byte < sealed.size(); ++byte) {
        for (unsigned bit = 0; bit < 8; ++bit) {
            const char before = sealed[byte];
            sealed[byte] = static_cast<char>(static_cast<unsigned char>(before) ^ (1U << bit));
            EXPECT_NE(defect_of(sealed), Defect::none) << "byte " << byte << " bit " << bit;
            sealed[byte] = before;
        }
    }
}

TEST(Envelope, every_appended_byte_is_a_defect) {
    for (int byte = 0; byte < 256; ++byte) {
        EXPECT_EQ(defect_of(some_envelope() + static_cast<char>(byte)), Defect::bad_checksum);
    }
}

TEST(Envelope, bytes_of_somebody_else_are_not_ours) {
    EXPECT_EQ(defect_of("{\"name\":\"somebody wrote JSON under our key, and quite a lot of it\"}"), Defect::not_ours);
    EXPECT_EQ(defect_of("x"), Defect::not_ours);
}

TEST(Envelope, another_format_version_is_an_unknown_version) {
    Bytes sealed = some_envelope();
    sealed[1] = 2;
    EXPECT_EQ(defect_of(sealed), Defect::unknown_version);
}

TEST(Envelope, an_unknown_flag_is_an_unknown_version) {
    for (unsigned bit = 2; bit < 8; ++bit) {
        Bytes sealed = some_envelope();
        sealed[2] = static_cast<char>(1U << bit);
        EXPECT_EQ(defect_of(sealed), Defect::unknown_version);
    }
}

TEST(Envelope, says_for_how_long_it_is_kept_past_its_life) {
    for (const auto kept : {0s, 1s, 600s, longest_kept, longest_kept + 1s}) {
        Header header;
        header.kept = kept;
        const Bytes sealed = seal(header, {});
        Opened opened;
        ASSERT_EQ(open(sealed, {}, opened), Defect::none);
        EXPECT_EQ(opened.header.kept, std::min<std::chrono::seconds>(kept, longest_kept));
    }
}

TEST(Envelope, a_damaged_payload_is_a_bad_checksum) {
    Bytes sealed = some_envelope();
    sealed.back() = 'D';
    EXPECT_EQ(defect_of(sealed), Defect::bad_checksum);
}

TEST(Envelope, a_damaged_expiry_is_a_bad_checksum) {
    Bytes sealed = some_envelope();
    sealed[45] = static_cast<char>(sealed[45] + 1);
    EXPECT_EQ(defect_of(sealed), Defect::bad_checksum);
}

TEST(Envelope, a_value_of_another_key_is_a_wrong_key) {
    EXPECT_EQ(defect_of(some_envelope(), expecting("user:43")), Defect::wrong_key);
}

TEST(Envelope, a_value_of_another_schema_is_a_wrong_schema) {
    Expected expected = expecting("user:42");
    expected.schema += 1;
    EXPECT_EQ(defect_of(some_envelope(), expected), Defect::wrong_schema);
}

TEST(Envelope, a_value_of_another_codec_is_a_wrong_schema) {
    Expected expected = expecting("user:42");
    expected.codec = 128;
    EXPECT_EQ(defect_of(some_envelope(), expected), Defect::wrong_schema);
}

TEST(Envelope, a_raw_payload_longer_than_its_header_says_is_a_bad_payload) {
    Header header = some_header("user:42", "payload");
    header.raw_bytes = 6;
    EXPECT_EQ(defect_of(seal(header, "payload")), Defect::bad_payload);
}

TEST(Envelope, a_raw_payload_shorter_than_its_header_says_is_truncated) {
    Header header = some_header("user:42", "payload");
    header.raw_bytes = 8;
    EXPECT_EQ(defect_of(seal(header, "payload")), Defect::truncated);
}

TEST(Envelope, a_negative_with_a_payload_is_a_bad_payload) {
    Header header = some_header("user:42", "payload");
    header.negative = true;
    EXPECT_EQ(defect_of(seal(header, "payload")), Defect::bad_payload);
    header.compressor = 1;
    EXPECT_EQ(defect_of(seal(header, "payload")), Defect::bad_payload);
}

TEST(Envelope, a_defect_leaves_the_output_alone) {
    Opened opened;
    opened.header.version = 5;
    EXPECT_EQ(open(some_envelope(), expecting("other"), opened), Defect::wrong_key);
    EXPECT_EQ(opened.header.version, 5U);
    EXPECT_TRUE(opened.payload.empty());
}

TEST(Envelope, every_defect_has_a_name_of_its_own) {
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < defect_count; ++i)
        names.insert(to_string(static_cast<Defect>(i)));
    EXPECT_EQ(names.size(), defect_count);
    EXPECT_EQ(to_string(Defect::none), "none");
    EXPECT_EQ(to_string(Defect::bad_payload), "bad_payload");
    EXPECT_EQ(to_string(static_cast<Defect>(200)), "unknown");
}

TEST(Fingerprint, differs_between_keys) {
    EXPECT_EQ(fingerprint("a"), fingerprint("a"));
    EXPECT_NE(fingerprint("a"), fingerprint("b"));
    EXPECT_NE(fingerprint(""), fingerprint(BytesView("\0", 1)));
}

RC_GTEST_PROP(Envelope, any_header_and_payload_come_back, (const std::string& key, const std::string& payload)) {
    Header header;
    header.codec = *rc::gen::arbitrary<std::uint8_t>();
    header.schema = *rc::gen::arbitrary<std::uint32_t>();
    header.version = *rc::gen::arbitrary<std::uint64_t>();
    header.created = SystemTime(microseconds(*rc::gen::arbitrary<std::int64_t>()));
    header.expires = SystemTime(microseconds(*rc::gen::nonZero<std::int64_t>()));
    header.key = fingerprint(key);
    header.raw_bytes = static_cast<std::uint32_t>(payload.size());
    const Bytes sealed = seal(header, payload);
    Opened opened;
    RC_ASSERT(open(sealed, {fingerprint(key), header.codec, header.schema}, opened) == Defect::none);
    RC_ASSERT(opened.payload == payload);
    RC_ASSERT(opened.header.created == header.created);
    RC_ASSERT(opened.header.expires == header.expires);
    RC_ASSERT(opened.header.version == header.version);
}

RC_GTEST_PROP(Envelope, any_one_damaged_byte_is_a_defect, (const std::string& payload)) {
    Bytes sealed = seal(some_header("user:42", payload), payload);
    const auto at = *rc::gen::inRange<std::size_t>(0, sealed.size());
    sealed[at] = static_cast<char>(static_cast<unsigned char>(sealed[at]) ^ *rc::gen::inRange(1, 256));
    RC_ASSERT(defect_of(sealed) != Defect::none);
}

} // namespace
} // namespace tiercel::wire
