#pragma once

#include <tiercel/spi/bytes.hpp>

#include <cstddef>

namespace tiercel::wire {

/// What a backend can carry as a key.
struct KeyAlphabet {
    std::size_t max_bytes = 0; ///< 0: no limit
    bool binary = true;        ///< false: 0x21 to 0x7e only
};

/// `prefix` + `key` in a form that the backend can carry. Where bytes must be escaped each becomes %XX (and % itself
/// %25); where the result is too long it becomes the prefix (shortened to fit) and "%#" + 32 hex digits of an XXH3-128
/// that is seeded unlike the envelope's fingerprint. No two keys share a form but by a collision of that hash, which
/// the fingerprint then tells.
Bytes backend_key(BytesView prefix, BytesView key, const KeyAlphabet& alphabet);

/// The key bytes of a form made by backend_key with this prefix and alphabet; false for hashed or foreign keys.
bool parse_backend_key(BytesView stored, BytesView prefix, const KeyAlphabet& alphabet, Bytes& key);

} // namespace tiercel::wire
