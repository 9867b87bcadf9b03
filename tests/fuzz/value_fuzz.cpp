// What a tier gives back is untrusted: whatever the bytes, the answer is a defect or a value that encodes again to
// itself, and nothing larger than the cap is allocated.

#include "fuzz_target.hpp"

#include "wire/lease.hpp"
#include "wire/manifest.hpp"
#include "wire/packer.hpp"
#include "wire/xx_hash.hpp"

#include <tiercel/described.hpp>
#include <tiercel/zstd.hpp>

namespace {

using namespace tiercel;

enum class Role : std::uint8_t { guest, admin };

struct Address {
    std::string street;
    std::uint32_t zip = 0;
    bool operator==(const Address&) const = default;
};
BOOST_DESCRIBE_STRUCT(Address, (), (street, zip))

struct User {
    std::string name;
    Role role = Role::guest;
    bool active = false;
    std::optional<Address> address;
    std::vector<std::vector<std::string>> groups;
    std::vector<std::int16_t> numbers;
    std::map<std::string, std::optional<std::int64_t>> counters;
    std::unordered_map<std::uint16_t, std::string> labels;
    std::set<std::string> tags;
    std::array<std::tuple<bool, std::string>, 2> pairs;
    std::chrono::sys_seconds joined;
    bool operator==(const User&) const = default;
};
BOOST_DESCRIBE_STRUCT(User, (), (name, role, active, address, groups, numbers, counters, labels, tags, pairs, joined))

constexpr std::size_t max_value_bytes = 64 * 1024;

template <class T>
void decode_is_sound(BytesView bytes) {
    const Result<T> value = Codec<T>::decode(bytes);
    if (!value) return;
    Bytes again;
    fuzz::require(Codec<T>::encode(*value, again).has_value());
    const Result<T> same = Codec<T>::decode(again);
    fuzz::require(same && *same == *value);
}

void unpack_is_sound(const wire::Packer& packer, BytesView stored, const wire::Expected& expected) {
    wire::Unpacked unpacked;
    if (packer.unpack(stored, expected, unpacked) != wire::Defect::none) return;
    fuzz::require(unpacked.payload.size() == unpacked.header.raw_bytes);
    fuzz::require(unpacked.payload.size() <= max_value_bytes);
    decode_is_sound<User>(unpacked.payload);
}

// An intact envelope about a payload of the fuzzer's: what a mutation would seldom find behind the checksum.
void sealed_payload_is_sound(const wire::Packer& packer, std::uint32_t raw_bytes, BytesView payload) {
    wire::Header header;
    header.compressor = zstd::compressor_id;
    header.raw_bytes = raw_bytes;
    unpack_is_sound(packer, wire::seal(header, payload), {});
}

// As it is, and with the fuzzer's bytes carried by an intact one; what is carried is opened as the chain opens it.
void lease_is_sound(const wire::Packer& packer, BytesView bytes, const wire::Expected& expected) {
    const auto check = [&](BytesView stored) {
        wire::Unpacked unpacked;
        if (wire::looks_like_lease(stored)) {
            fuzz::require(packer.unpack(stored, expected, unpacked) != wire::Defect::none);
        }
        wire::Lease lease;
        if (wire::open_lease(stored, expected, lease) != wire::Defect::none) return;
        fuzz::require(wire::looks_like_lease(stored) && lease.token != 0 && !wire::looks_like_lease(lease.carried));
        fuzz::require(wire::lease_bytes + lease.carried.size() == stored.size());
        unpack_is_sound(packer, lease.carried, expected);
    };
    check(bytes);
    check(wire::seal_lease({1, {}, SystemTime(std::chrono::seconds(1)), bytes}, expected));
}

// As it is, and with the checksum that a forger would give it.
void manifest_is_sound(BytesView bytes) {
    const auto check = [](BytesView record) {
        const auto manifest = wire::read_manifest(record, max_value_bytes);
        if (!manifest) return;
        fuzz::require(manifest->total_bytes <= max_value_bytes && manifest->chunk_count() <= wire::most_chunks);
        std::size_t whole = 0;
        for (std::size_t i = 0; i < manifest->chunk_count(); ++i)
            whole += manifest->size(i);
        fuzz::require(whole == manifest->total_bytes);
        fuzz::require(wire::write_manifest(*manifest) == record);
    };
    check(bytes);
    Bytes forged = Bytes("\xC8\x01") + Bytes(bytes.substr(0, wire::manifest_bytes - 10));
    forged.resize(wire::manifest_bytes - 8, '\0');
    auto sum = wire::xxh3_64(forged, 0);
    for (int i = 0; i < 8; ++i, sum >>= 8U)
        forged.push_back(static_cast<char>(sum & 0xffU));
    check(forged);
}

void pack_comes_back(const wire::Packer& packer, BytesView payload) {
    if (payload.size() > max_value_bytes) return;
    const auto packed = packer.pack({}, payload);
    fuzz::require(packed.has_value());
    wire::Unpacked unpacked;
    fuzz::require(packer.unpack(packed->bytes, {}, unpacked) == wire::Defect::none);
    fuzz::require(unpacked.payload == payload);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const wire::Packer packer(zstd::compressor({.min_bytes = 16, .min_saving = 0}), max_value_bytes);
    const BytesView bytes(reinterpret_cast<const char*>(data), size);

    static const wire::Expected of_the_corpus{wire::fingerprint("user:ada"), Codec<User>::id, Codec<User>::schema()};
    unpack_is_sound(packer, bytes, of_the_corpus);
    decode_is_sound<User>(bytes);
    pack_comes_back(packer, bytes);
    manifest_is_sound(bytes);
    lease_is_sound(packer, bytes, of_the_corpus);
    if (size >= 2) {
        const auto claim = static_cast<std::uint32_t>(data[0] | (data[1] << 8U));
        sealed_payload_is_sound(packer, claim, bytes.substr(2));
    }
    return 0;
}
