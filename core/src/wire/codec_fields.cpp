#include <tiercel/detail/codec_fields.hpp>

#include <array>
#include <string>

namespace tiercel::detail {
namespace {

constexpr std::size_t max_varint_bytes = 10;

struct Varint {
    std::array<char, max_varint_bytes> bytes{};
    std::size_t size = 0;
};

Varint to_varint(std::uint64_t number) noexcept {
    Varint out;
    while (number >= 0x80) {
        out.bytes[out.size++] = static_cast<char>((number & 0x7F) | 0x80);
        number >>= 7U;
    }
    out.bytes[out.size++] = static_cast<char>(number);
    return out;
}

} // namespace

void put_varint(std::uint64_t number, Bytes& out) {
    const Varint varint = to_varint(number);
    out.append(varint.bytes.data(), varint.size);
}

void put_length_before(std::size_t start, Bytes& out) {
    const Varint varint = to_varint(out.size() - start);
    out.insert(start, varint.bytes.data(), varint.size);
}

Error malformed(std::string_view what) {
    return {Errc::codec_failed, "the bytes are no value of this type: " + std::string(what)};
}

Error wrong_fixed_size(std::size_t declared, std::size_t encoded) {
    return {Errc::codec_failed, "the codec declares fixed_bytes = " + std::to_string(declared) + " but encoded " +
                                    std::to_string(encoded) + " bytes; correct it, or leave fixed_bytes out"};
}

bool FieldReader::fail(Error error) {
    if (!error_) error_.emplace(std::move(error));
    rest_ = {};
    return false;
}

bool FieldReader::take(std::uint64_t bytes, BytesView& out) {
    if (error_) return false;
    if (bytes > rest_.size()) return fail(malformed("it ends too early"));
    out = rest_.substr(0, static_cast<std::size_t>(bytes));
    rest_.remove_prefix(static_cast<std::size_t>(bytes));
    return true;
}

bool FieldReader::varint(std::uint64_t& out) {
    if (error_) return false;
    std::uint64_t number = 0;
    for (std::size_t i = 0; i < rest_.size() && i < max_varint_bytes; ++i) {
        const auto byte = static_cast<unsigned char>(rest_[i]);
        const std::uint64_t part = byte & 0x7FU;
        if (i == max_varint_bytes - 1 && byte > 1) return fail(malformed("a length over 64 bits"));
        number |= part << (7 * i);
        if ((byte & 0x80U) != 0) continue;
        if (part == 0 && i != 0) return fail(malformed("a length that is not in its shortest form"));
        rest_.remove_prefix(i + 1);
        out = number;
        return true;
    }
    return fail(malformed("it ends inside a length"));
}

bool FieldReader::count(std::size_t least_bytes, std::size_t& out) {
    std::uint64_t number = 0;
    if (!varint(number)) return false;
    if (number > rest_.size() / least_bytes) return fail(malformed("more entries than the bytes can hold"));
    out = static_cast<std::size_t>(number);
    return true;
}

bool FieldReader::field(std::size_t fixed, BytesView& out) {
    std::uint64_t bytes = fixed;
    if (fixed == 0 && !varint(bytes)) return false;
    return take(bytes, out);
}

bool FieldReader::finish() {
    if (error_) return false;
    return rest_.empty() || fail(malformed("bytes are left over"));
}

} // namespace tiercel::detail
