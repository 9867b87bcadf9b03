#pragma once

#include <tiercel/codec.hpp>

#include <gtest/gtest.h>

namespace tiercel {

/// The bytes of a value; what must not fail here.
template <class T>
Bytes encoded(const T& value) {
    Bytes out;
    EXPECT_TRUE(Codec<T>::encode(value, out));
    return out;
}

template <class T>
bool decodes(BytesView bytes) {
    return Codec<T>::decode(bytes).has_value();
}

template <class T>
bool comes_back(const T& value) {
    const Result<T> back = Codec<T>::decode(encoded(value));
    return back && *back == value;
}

/// No prefix of the encoding, and no extension of it by a byte, is a value. Not for types that are bytes to the end.
template <class T>
void expect_no_shorter_or_longer_form(const T& value) {
    const Bytes bytes = encoded(value);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        const Result<T> cut = Codec<T>::decode(BytesView(bytes).substr(0, size));
        EXPECT_FALSE(cut.has_value()) << "cut to " << size << " of " << bytes.size();
        if (!cut) {
            EXPECT_EQ(cut.error(), Errc::codec_failed);
        }
    }
    EXPECT_FALSE(decodes<T>(bytes + '\0'));
    EXPECT_FALSE(decodes<T>(bytes + '\1'));
}

} // namespace tiercel
