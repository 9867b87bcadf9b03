#include "codec_test_support.hpp"

#include <tiercel/described.hpp>

#include <rapidcheck/gtest.h>

#include <set>

namespace {

struct Address {
    std::string street;
    std::uint32_t zip = 0;
    bool operator==(const Address&) const = default;
};
BOOST_DESCRIBE_STRUCT(Address, (), (street, zip))

enum class Role : std::uint8_t { guest, admin };

struct User {
    std::string name;
    std::int32_t age = 0;
    Role role = Role::guest;
    std::optional<Address> address;
    std::vector<std::string> mails;
    std::map<std::string, std::vector<Address>> others;
    std::chrono::sys_seconds joined;
    bool operator==(const User&) const = default;
};
BOOST_DESCRIBE_STRUCT(User, (), (name, age, role, address, mails, others, joined))

User some_user() {
    User user{"Ada", 36, Role::admin, Address{"St James's Square", 12}, {"ada@example.org", ""}, {}, {}};
    user.others["work"] = {Address{"a", 1}, Address{"b", 2}};
    user.joined = std::chrono::sys_seconds(std::chrono::seconds(1'700'000'000));
    return user;
}

// The same members, but for one thing each.
namespace plain {
struct Pair {
    std::int32_t a = 0;
    std::int32_t b = 0;
};
BOOST_DESCRIBE_STRUCT(Pair, (), (a, b))
} // namespace plain
namespace again {
struct SameMembers {
    std::int32_t a = 0;
    std::int32_t b = 0;
};
BOOST_DESCRIBE_STRUCT(SameMembers, (), (a, b))
} // namespace again
namespace renamed {
struct Pair {
    std::int32_t a = 0;
    std::int32_t c = 0;
};
BOOST_DESCRIBE_STRUCT(Pair, (), (a, c))
} // namespace renamed
namespace retyped {
struct Pair {
    std::int32_t a = 0;
    std::uint32_t b = 0;
};
BOOST_DESCRIBE_STRUCT(Pair, (), (a, b))
} // namespace retyped
namespace added {
struct Pair {
    std::int32_t a = 0;
    std::int32_t b = 0;
    bool c = false;
};
BOOST_DESCRIBE_STRUCT(Pair, (), (a, b, c))
} // namespace added
namespace reordered {
struct Pair {
    std::int32_t b = 0;
    std::int32_t a = 0;
};
BOOST_DESCRIBE_STRUCT(Pair, (), (b, a))
} // namespace reordered
namespace nested {
struct Inner {
    std::int32_t a = 0;
    std::int32_t b = 0;
};
BOOST_DESCRIBE_STRUCT(Inner, (), (a, b))
struct Outer {
    Inner inner;
};
BOOST_DESCRIBE_STRUCT(Outer, (), (inner))
struct ChangedInner {
    std::int32_t a = 0;
    std::int32_t x = 0;
};
BOOST_DESCRIBE_STRUCT(ChangedInner, (), (a, x))
struct OuterOfChanged {
    ChangedInner inner;
};
BOOST_DESCRIBE_STRUCT(OuterOfChanged, (), (inner))
} // namespace nested

struct Base {
    std::string id;
};
BOOST_DESCRIBE_STRUCT(Base, (), (id))
struct Derived : Base {
    std::int32_t id = 0; // hides Base::id
    std::vector<bool> bits;
};
BOOST_DESCRIBE_STRUCT(Derived, (Base), (id, bits))

struct Empty {
    bool operator==(const Empty&) const = default;
};
BOOST_DESCRIBE_STRUCT(Empty, (), ())

struct Undescribed {
    int x = 0;
};
struct HoldsUndescribed {
    Undescribed member;
};
BOOST_DESCRIBE_STRUCT(HoldsUndescribed, (), (member))
struct OfUndescribed : Undescribed {
    int y = 0;
};
BOOST_DESCRIBE_STRUCT(OfUndescribed, (Undescribed), (y))
class Private {
    int x_ = 0;
    BOOST_DESCRIBE_CLASS(Private, (), (), (), (x_))
public:
    int x() const { return x_; }
};
struct NoDefault {
    explicit NoDefault(int value) : x(value) {}
    int x;
};
BOOST_DESCRIBE_STRUCT(NoDefault, (), (x))
struct Constant {
    const int x = 0;
};
BOOST_DESCRIBE_STRUCT(Constant, (), (x))

} // namespace

namespace tiercel {
namespace {

static_assert(Encodable<User> && Encodable<std::vector<User>> && Encodable<Derived> && Encodable<Empty>);
static_assert(!Encodable<Undescribed> && !Encodable<HoldsUndescribed> && !Encodable<OfUndescribed>);
static_assert(!Encodable<Private>, "a member that is not public could not be stored");
static_assert(!Encodable<NoDefault> && !Encodable<Constant>);
static_assert(EncodableKey<Address>);

TEST(Described, a_struct_comes_back) {
    EXPECT_TRUE(comes_back(some_user()));
    EXPECT_TRUE(comes_back(User()));
    EXPECT_TRUE(comes_back(Empty()));
    EXPECT_EQ(Codec<User>::id, 5);
}

TEST(Described, members_of_bases_come_first_and_hidden_ones_too) {
    Derived value;
    value.Base::id = "base";
    value.id = 7;
    value.bits = {true, false};
    EXPECT_EQ(encoded(value), Bytes("\4base\7\0\0\0\3\2\1\0", 13));
    const auto back = Codec<Derived>::decode(encoded(value));
    ASSERT_TRUE(back);
    EXPECT_EQ(back->Base::id, "base");
    EXPECT_EQ(back->id, 7);
    EXPECT_EQ(back->bits, value.bits);
}

TEST(Described, structs_of_fixed_members_need_no_lengths) {
    EXPECT_EQ(Codec<plain::Pair>::fixed_bytes, 8U);
    EXPECT_EQ(encoded(std::vector<plain::Pair>(3)).size(), 1U + 3 * 8);
    EXPECT_EQ(Codec<User>::fixed_bytes, 0U);
}

TEST(Described, any_change_of_members_changes_the_schema) {
    const std::set<std::uint32_t> schemas{
        Codec<plain::Pair>::schema(),
        Codec<renamed::Pair>::schema(),
        Codec<retyped::Pair>::schema(),
        Codec<added::Pair>::schema(),
        Codec<reordered::Pair>::schema(),
        Codec<nested::Outer>::schema(),
        Codec<nested::OuterOfChanged>::schema(),
        Codec<Empty>::schema(),
    };
    EXPECT_EQ(schemas.size(), 8U);
}

TEST(Described, the_name_of_the_struct_is_not_part_of_the_schema) {
    EXPECT_EQ(Codec<plain::Pair>::schema(), Codec<again::SameMembers>::schema());
}

// Written into every envelope: a change here makes every stored value a miss.
TEST(Described, schemas_are_stable) {
    static_assert(Codec<plain::Pair>::schema() == 0xEE67569B);
    static_assert(Codec<User>::schema() == 0xF69E1425);
}

TEST(Described, cut_or_extended_bytes_are_malformed) {
    expect_no_shorter_or_longer_form(some_user());
    expect_no_shorter_or_longer_form(plain::Pair());
    EXPECT_FALSE(decodes<Empty>("x"));
}

TEST(Described, a_length_beyond_the_bytes_is_refused) {
    EXPECT_FALSE(decodes<Address>("\xff\xff\xff\xff\x0f"
                                  "aaaaaaaa"));
}

TEST(Described, no_damaged_byte_does_worse_than_an_error_or_another_value) {
    const Bytes bytes = encoded(some_user());
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        for (int byte = 0; byte < 256; ++byte) {
            Bytes damaged = bytes;
            damaged[at] = static_cast<char>(byte);
            const Result<User> user = Codec<User>::decode(damaged);
            if (user) {
                EXPECT_TRUE(comes_back(*user));
            }
        }
    }
}

RC_GTEST_PROP(Described, whatever_bytes_decode_come_back, (const std::string& bytes)) {
    const Result<User> user = Codec<User>::decode(bytes);
    if (user) RC_ASSERT(comes_back(*user));
}

} // namespace
} // namespace tiercel
