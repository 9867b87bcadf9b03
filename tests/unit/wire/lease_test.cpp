#include "wire/lease.hpp"
#include "wire/packer.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace tiercel::wire {
namespace {

using std::chrono::microseconds;

const SystemTime created(microseconds(1'700'000'000'000'000));
const SystemTime expires(microseconds(1'700'000'002'000'000));

Expected expecting() {
    return {fingerprint("user:42"), 5, 0xCAFE0042};
}

Bytes some_value() {
    Header header;
    header.codec = 5;
    header.schema = 0xCAFE0042;
    header.raw_bytes = 7;
    header.key = fingerprint("user:42");
    return seal(header, "payload");
}

Bytes some_lease(BytesView carried = {}) {
    return seal_lease({0x0102'0304'0506'0708, created, expires, carried}, expecting());
}

Defect defect_of(BytesView bytes) {
    Lease lease;
    return open_lease(bytes, expecting(), lease);
}

/// A lease's header, with whatever is wrong about it, around `payload`.
Header lease_header(BytesView payload) {
    Header header;
    header.lease = true;
    header.codec = 5;
    header.schema = 0xCAFE0042;
    header.raw_bytes = static_cast<std::uint32_t>(payload.size());
    header.key = fingerprint("user:42");
    header.created = created;
    header.expires = expires;
    return header;
}
const Bytes token_of_one("\x01\0\0\0\0\0\0\0", 8);

TEST(Lease, gives_back_what_was_sealed) {
    const auto value = some_value();
    const auto sealed = some_lease(value);
    EXPECT_TRUE(looks_like_lease(sealed));
    EXPECT_EQ(sealed.size(), lease_bytes + value.size());
    Lease lease;
    ASSERT_EQ(open_lease(sealed, expecting(), lease), Defect::none);
    EXPECT_EQ(lease.token, 0x0102'0304'0506'0708U);
    EXPECT_EQ(lease.created, created);
    EXPECT_EQ(lease.expires, expires);
    EXPECT_EQ(lease.carried, value);
}

TEST(Lease, may_carry_nothing) {
    Lease lease;
    const auto sealed = some_lease();
    ASSERT_EQ(open_lease(sealed, expecting(), lease), Defect::none);
    EXPECT_EQ(sealed.size(), lease_bytes);
    EXPECT_TRUE(lease.carried.empty());
}

TEST(Lease, a_value_is_none_and_it_is_no_value) {
    EXPECT_FALSE(looks_like_lease(some_value()));
    EXPECT_EQ(defect_of(some_value()), Defect::bad_payload);
    Unpacked unpacked;
    EXPECT_EQ(Packer(nullptr, 1000).unpack(some_lease(), expecting(), unpacked), Defect::bad_payload);
    EXPECT_EQ(Packer(nullptr, 1000).unpack(some_lease(some_value()), expecting(), unpacked), Defect::bad_payload);
}

TEST(Lease, of_another_key_or_type_is_none) {
    Lease lease;
    EXPECT_EQ(open_lease(some_lease(), {fingerprint("user:43"), 5, 0xCAFE0042}, lease), Defect::wrong_key);
    EXPECT_EQ(open_lease(some_lease(), {fingerprint("user:42"), 5, 0xCAFE0043}, lease), Defect::wrong_schema);
    EXPECT_EQ(lease.token, 0U) << "nothing is given of what is refused";
}

TEST(Lease, at_odds_with_itself_is_bad_payload) {
    EXPECT_EQ(defect_of(seal(lease_header(token_of_one), token_of_one)), Defect::none);

    const Bytes no_token(8, '\0');
    EXPECT_EQ(defect_of(seal(lease_header(no_token), no_token)), Defect::bad_payload);
    const Bytes short_token(7, '\1');
    EXPECT_EQ(defect_of(seal(lease_header(short_token), short_token)), Defect::bad_payload);
    EXPECT_EQ(defect_of(seal(lease_header(""), "")), Defect::bad_payload);

    auto endless = lease_header(token_of_one);
    endless.expires.reset();
    EXPECT_EQ(defect_of(seal(endless, token_of_one)), Defect::bad_payload);
    auto negative = lease_header(token_of_one);
    negative.negative = true;
    EXPECT_EQ(defect_of(seal(negative, token_of_one)), Defect::bad_payload);
    auto compressed = lease_header(token_of_one);
    compressed.compressor = 1;
    EXPECT_EQ(defect_of(seal(compressed, token_of_one)), Defect::bad_payload);

    EXPECT_EQ(defect_of(some_lease(some_lease())), Defect::bad_payload) << "one within another";
}

TEST(Lease, cut_or_changed_anywhere_is_refused) {
    const auto sealed = some_lease(some_value());
    for (std::size_t size = 0; size < sealed.size(); ++size)
        EXPECT_NE(defect_of(BytesView(sealed).substr(0, size)), Defect::none) << size;
    for (std::size_t at = 0; at < sealed.size(); ++at) {
        auto changed = sealed;
        changed[at] = static_cast<char>(changed[at] ^ 1);
        EXPECT_NE(defect_of(changed), Defect::none) << at;
    }
}

RC_GTEST_PROP(Lease, no_bytes_do_harm, (const std::string& bytes)) {
    Lease lease;
    (void)open_lease(bytes, expecting(), lease);
    (void)looks_like_lease(bytes);
}

} // namespace
} // namespace tiercel::wire
