#pragma once

#include "wire/lease.hpp"
#include "wire/manifest.hpp"
#include "wire/packer.hpp"

#include <tiercel/described.hpp>
#ifdef TIERCEL_GOLDEN_ZSTD
#include <tiercel/zstd.hpp>
#endif

#include <string>
#include <vector>

/// What stands in the files of v1/: a type, its value, and the facts of its header.
namespace tiercel::golden {

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
    double score = 0;
    std::optional<Address> address;
    std::vector<std::string> mails;
    std::map<std::string, std::vector<std::int64_t>> numbers;
    std::pair<bool, std::string> flag;
    std::array<float, 2> place{};
    std::chrono::sys_time<std::chrono::milliseconds> joined;
    bool operator==(const User&) const = default;
};
BOOST_DESCRIBE_STRUCT(User, (), (name, age, role, score, address, mails, numbers, flag, place, joined))

inline std::string long_text() {
    std::string text;
    for (int i = 0; i < 40; ++i)
        text += "line " + std::to_string(i) + ": the same words again and again\n";
    return text;
}

inline wire::Manifest manifest_of_long_text() {
    return wire::describe_chunks(long_text(), 1000, {0x0123456789ABCDEF, 0xFEDCBA9876543210});
}

inline wire::Header facts(bool negative, bool expires) {
    using std::chrono::microseconds;
    wire::Header header;
    header.negative = negative;
    header.created = SystemTime(microseconds(1'700'000'000'123'456));
    if (expires) header.expires = SystemTime(microseconds(1'700'000'600'123'456));
    header.version = 0x0102'0304'0506'0708;
    return header;
}

/// Calls `visit(name, key, header, value, compressor)` for each file.
template <class Visitor>
void for_each_case(Visitor&& visit) {
    const std::shared_ptr<const spi::Compressor> raw;
    visit("raw_string", "user:42", facts(false, true), std::string("hello, \0 world", 14), raw);
    visit("empty_string", "", facts(false, false), std::string(), raw);
    visit("negative", "user:nobody", facts(true, true), std::string(), raw);
    visit("number", "counter", facts(false, false), std::int64_t{-2}, raw);
    visit("doubles", "model/weights", facts(false, true), std::vector<double>{0.5, -1.0, 1e300}, raw);
    visit("described_struct", "user:ada", facts(false, true),
          User{"Ada",
               36,
               Role::admin,
               0.25,
               Address{"St James's Square", 12},
               {"ada@example.org", ""},
               {{"empty", {}}, {"few", {1, -1}}},
               {true, "yes"},
               {51.5F, -0.125F},
               std::chrono::sys_time<std::chrono::milliseconds>(std::chrono::milliseconds(1'234'567'890'123))},
          raw);
#ifdef TIERCEL_GOLDEN_ZSTD
    visit("zstd_string", "article:7", facts(false, true), long_text(), zstd::compressor());
#endif
}

template <class T>
wire::Header header_for(wire::Header header, std::string_view key) {
    header.codec = Codec<T>::id;
    header.schema = Codec<T>::schema();
    header.key = wire::fingerprint(key);
    return header;
}

constexpr std::size_t max_value_bytes = 1'000'000;

/// The envelope of a case, as this build writes it.
template <class T>
Bytes written(std::string_view key, const wire::Header& header, const T& value,
              const std::shared_ptr<const spi::Compressor>& compressor) {
    Bytes payload;
    if (!header.negative) Codec<T>::encode(value, payload).value();
    return wire::Packer(compressor, max_value_bytes).pack(header_for<T>(header, key), payload).value().bytes;
}

inline wire::Expected of_the_lease() {
    return {wire::fingerprint("user:42"), Codec<std::string>::id, Codec<std::string>::schema()};
}

/// A lease that carries a value; `carried` must outlive it.
inline wire::Lease lease_carrying(BytesView carried) {
    const auto times = facts(false, true);
    return {0x0123456789ABCDEF, times.created, *times.expires, carried};
}
inline Bytes carried_by_the_lease() {
    return written("user:42", facts(false, true), std::string("hello"), {});
}

} // namespace tiercel::golden
