#include "wire/key_encoding.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>

namespace tiercel::wire {
namespace {

constexpr KeyAlphabet redis{};
constexpr KeyAlphabet memcached{250, false};
constexpr KeyAlphabet short_binary{60, true};

bool is_carried(BytesView form, const KeyAlphabet& alphabet) {
    if (alphabet.max_bytes != 0 && form.size() > alphabet.max_bytes) return false;
    if (alphabet.binary) return true;
    return std::all_of(form.begin(), form.end(), [](char c) { return c >= 0x21 && c <= 0x7e; });
}

std::optional<Bytes> parsed(BytesView stored, BytesView prefix, const KeyAlphabet& alphabet) {
    Bytes key;
    if (!parse_backend_key(stored, prefix, alphabet, key)) return std::nullopt;
    return key;
}

TEST(KeyEncoding, a_binary_alphabet_without_limit_takes_keys_as_they_are) {
    const Bytes key("a b%\0\xff", 6);
    EXPECT_EQ(backend_key("users:", key, redis), "users:" + key);
    EXPECT_EQ(backend_key("", Bytes(1'000'000, 'k'), redis), Bytes(1'000'000, 'k'));
}

TEST(KeyEncoding, plain_keys_stay_readable) {
    EXPECT_EQ(backend_key("users:", "alice@example.org/7#x", memcached), "users:alice@example.org/7#x");
}

TEST(KeyEncoding, spaces_controls_percents_and_high_bytes_are_escaped) {
    EXPECT_EQ(backend_key("", "a b", memcached), "a%20b");
    EXPECT_EQ(backend_key("", "100%", memcached), "100%25");
    EXPECT_EQ(backend_key("", BytesView("\r\n\t\0\x7f", 5), memcached), "%0D%0A%09%00%7F");
    EXPECT_EQ(backend_key("", "\xC3\xBC", memcached), "%C3%BC"); // u umlaut in UTF-8
    EXPECT_EQ(backend_key("my cache:", "k", memcached), "my%20cache:k");
}

TEST(KeyEncoding, exactly_the_limit_is_not_hashed) {
    const Bytes key(244, 'k');
    EXPECT_EQ(backend_key("users:", key, memcached), "users:" + key);
}

TEST(KeyEncoding, over_the_limit_is_the_prefix_and_a_hash) {
    const Bytes form = backend_key("users:", Bytes(245, 'k'), memcached);
    EXPECT_EQ(form.size(), 6U + 2 + 32);
    EXPECT_TRUE(form.starts_with("users:%#"));
    EXPECT_EQ(form, backend_key("users:", Bytes(245, 'k'), memcached));
    EXPECT_NE(form, backend_key("users:", Bytes(246, 'k'), memcached));
}

TEST(KeyEncoding, escapes_count_towards_the_limit) {
    EXPECT_EQ(backend_key("", Bytes(83, ' '), memcached).size(), 249U);
    EXPECT_TRUE(backend_key("", Bytes(84, ' '), memcached).starts_with("%#"));
}

TEST(KeyEncoding, a_long_prefix_is_shortened_to_fit) {
    const Bytes prefix(240, 'p');
    EXPECT_EQ(backend_key(prefix, "0123456789", memcached), prefix + "0123456789");
    const Bytes form = backend_key(prefix, "0123456789a", memcached);
    EXPECT_EQ(form.size(), 250U);
    EXPECT_TRUE(form.starts_with(Bytes(216, 'p') + "%#"));
}

TEST(KeyEncoding, a_shortened_prefix_still_tells_caches_apart) {
    const Bytes common(240, 'p');
    EXPECT_NE(backend_key(common + "one:", "some key of theirs", memcached),
              backend_key(common + "two:", "some key of theirs", memcached));
}

TEST(KeyEncoding, a_prefix_is_not_cut_through_an_escape) {
    for (const std::size_t plain : {213U, 214U, 215U, 216U}) {
        const Bytes prefix = Bytes(plain, 'p') + Bytes(40, ' ');
        const Bytes form = backend_key(prefix, "key", memcached);
        EXPECT_TRUE(is_carried(form, memcached));
        EXPECT_EQ(form.substr(form.size() - 34, 2), "%#");
        Bytes kept;
        EXPECT_TRUE(parse_backend_key(BytesView(form).substr(0, form.size() - 34), "", memcached, kept)) << form;
    }
}

TEST(KeyEncoding, a_key_that_looks_like_a_hash_is_told_from_one) {
    const Bytes long_key(100, 'k');
    const Bytes hashed = backend_key("p:", long_key, short_binary);
    ASSERT_LE(hashed.size(), short_binary.max_bytes);
    const Bytes look_alike = hashed.substr(2);
    EXPECT_NE(backend_key("p:", look_alike, short_binary), hashed);
    EXPECT_NE(backend_key("p:", look_alike, memcached), hashed);
}

TEST(KeyEncoding, a_limit_below_a_hash_is_still_a_limit) {
    EXPECT_EQ(backend_key("prefix:", "a key", {10, false}).size(), 10U);
}

TEST(KeyEncoding, parsing_gives_the_key_back) {
    for (const auto& alphabet : {redis, memcached, short_binary}) {
        const Bytes key("a b%#\xC3\xBC\0", 8);
        EXPECT_EQ(parsed(backend_key("my cache:", key, alphabet), "my cache:", alphabet), key);
    }
}

TEST(KeyEncoding, hashed_and_foreign_keys_do_not_parse) {
    EXPECT_EQ(parsed(backend_key("p:", Bytes(300, 'k'), memcached), "p:", memcached), std::nullopt);
    EXPECT_EQ(parsed(backend_key("p:", Bytes(300, 'k'), short_binary), "p:", short_binary), std::nullopt);
    EXPECT_EQ(parsed("q:key", "p:", memcached), std::nullopt);
    EXPECT_EQ(parsed("p", "p:", memcached), std::nullopt);
}

TEST(KeyEncoding, spellings_that_we_do_not_write_do_not_parse) {
    EXPECT_EQ(parsed("a%2", "", memcached), std::nullopt);
    EXPECT_EQ(parsed("a%", "", memcached), std::nullopt);
    EXPECT_EQ(parsed("a%zz", "", memcached), std::nullopt);
    EXPECT_EQ(parsed("%c3%bc", "", memcached), std::nullopt); // lower case
    EXPECT_EQ(parsed("%41", "", memcached), std::nullopt);    // needs no escape
    EXPECT_EQ(parsed("a b", "", memcached), std::nullopt);    // needs one
    EXPECT_EQ(parsed("%41", "", redis), "%41");
}

KeyAlphabet any_alphabet() {
    const auto max_bytes = *rc::gen::element<std::size_t>(0, 40, 60, 250);
    return {max_bytes, *rc::gen::arbitrary<bool>()};
}

Bytes any_key() {
    // Many of the bytes that matter, in lengths about the limits.
    const auto size = *rc::gen::inRange<std::size_t>(0, 120);
    const auto letter = rc::gen::oneOf(rc::gen::element('%', '#', ' ', 'A', '2', '\n'), rc::gen::arbitrary<char>());
    return *rc::gen::container<std::string>(size, letter);
}

RC_GTEST_PROP(KeyEncoding, every_form_is_one_that_the_backend_carries, ()) {
    const KeyAlphabet alphabet = any_alphabet();
    RC_ASSERT(is_carried(backend_key(any_key(), any_key(), alphabet), alphabet));
}

RC_GTEST_PROP(KeyEncoding, no_two_keys_share_a_form, ()) {
    const KeyAlphabet alphabet = any_alphabet();
    const Bytes prefix = any_key();
    std::map<Bytes, Bytes> keys_by_form;
    for (int i = 0; i < 50; ++i) {
        const Bytes key = any_key();
        const auto [at, fresh] = keys_by_form.emplace(backend_key(prefix, key, alphabet), key);
        RC_ASSERT(fresh || at->second == key);
        // A form used as a key again, which is how a hashed one could be imitated.
        Bytes imitation = at->first;
        if (imitation.starts_with(prefix)) imitation.erase(0, prefix.size());
        const auto [other, other_fresh] = keys_by_form.emplace(backend_key(prefix, imitation, alphabet), imitation);
        RC_ASSERT(other_fresh || other->second == imitation);
    }
}

RC_GTEST_PROP(KeyEncoding, what_parses_is_the_key, ()) {
    const KeyAlphabet alphabet = any_alphabet();
    const Bytes prefix = any_key();
    const Bytes key = any_key();
    const std::optional<Bytes> back = parsed(backend_key(prefix, key, alphabet), prefix, alphabet);
    if (back) RC_ASSERT(*back == key);
    if (alphabet.max_bytes == 0) RC_ASSERT(back.has_value());
}

RC_GTEST_PROP(KeyEncoding, whatever_parses_encodes_to_the_same_bytes, ()) {
    const KeyAlphabet alphabet = any_alphabet();
    const Bytes prefix = any_key();
    const Bytes stored = prefix + any_key();
    const std::optional<Bytes> key = parsed(stored, prefix, alphabet);
    if (key) RC_ASSERT(backend_key(prefix, *key, alphabet) == stored);
}

} // namespace
} // namespace tiercel::wire
