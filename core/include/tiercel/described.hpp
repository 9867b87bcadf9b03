#pragma once

#include <tiercel/codec.hpp>

#include <boost/describe/bases.hpp>
#include <boost/describe/class.hpp>
#include <boost/describe/members.hpp>
#include <boost/mp11/algorithm.hpp>

#include <type_traits>
#include <utility>

/// A codec for every struct described by Boost.Describe:
///
///     struct User { std::string name; int age = 0; std::vector<std::string> mails; };
///     BOOST_DESCRIBE_STRUCT(User, (), (name, age, mails))
///
/// Its data members, those of its described bases first, must all be public, described, and Encodable themselves; it
/// must be default constructible. What is not described is not stored. Adding, removing, renaming, reordering a member
/// or changing its type changes the schema: values stored before are then misses. A struct that contains itself, say
/// through a vector, needs a codec of its own.
namespace tiercel {

namespace detail {

/// T and all its bases are described; boost::describe::describe_members is an error otherwise.
template <class T>
consteval bool is_described() {
    if constexpr (!boost::describe::has_describe_bases<T>::value || !boost::describe::has_describe_members<T>::value) {
        return false;
    } else {
        return []<class... Bases>(boost::mp11::mp_list<Bases...>) {
            return (is_described<typename Bases::type>() && ...);
        }(boost::mp11::mp_rename<boost::describe::describe_bases<T, boost::describe::mod_any_access>,
                                 boost::mp11::mp_list>());
    }
}

/// Whatever its access: a member that cannot be stored is told, not left out.
template <class T>
using DescribedMembers = boost::mp11::mp_rename<
    boost::describe::describe_members<T, boost::describe::mod_any_access | boost::describe::mod_inherited |
                                             boost::describe::mod_hidden>,
    boost::mp11::mp_list>;

/// The type a member is declared with.
template <class T, class Member>
using DescribedType = std::remove_reference_t<decltype(std::declval<T&>().*Member::pointer)>;

template <class T>
consteval bool members_are_encodable() {
    return []<class... Members>(boost::mp11::mp_list<Members...>) {
        return (((Members::modifiers & boost::describe::mod_public) != 0 && Encodable<DescribedType<T, Members>>)&&...);
    }(DescribedMembers<T>());
}

template <class T>
consteval bool is_encodable_struct() {
    if constexpr (!std::is_class_v<T> || enable_raw_bytes<T> || !std::default_initializable<T> || !is_described<T>()) {
        return false;
    } else {
        return members_are_encodable<T>();
    }
}

template <class T, class... Members>
struct DescribedCodec {
    static constexpr std::size_t fixed_bytes = fixed_bytes_together<DescribedType<T, Members>...>();

    static constexpr std::uint32_t schema() noexcept {
        SchemaHash hash("struct");
        (hash.add(std::string_view(Members::name)).template add_type<DescribedType<T, Members>>(), ...);
        return hash.value();
    }

    static Result<void> encode(const T& value, Bytes& out) { return put_fields(out, value.*Members::pointer...); }

    static Result<T> decode(BytesView bytes) {
        FieldReader in(bytes);
        T value{};
        const bool read = (read_member(in, value.*Members::pointer) && ...);
        if (!read || !in.finish()) return std::move(in).error();
        return value;
    }

private:
    template <class Member>
    static bool read_member(FieldReader& in, Member& into) {
        std::optional<Member> member;
        if (!read_field(in, member)) return false;
        into = std::move(*member);
        return true;
    }
};

template <class T, class Members>
struct DescribedCodecOf;
template <class T, class... Members>
struct DescribedCodecOf<T, boost::mp11::mp_list<Members...>> : DescribedCodec<T, Members...> {};

} // namespace detail

template <class T>
requires(detail::is_encodable_struct<T>()) struct Codec<T> : detail::DescribedCodecOf<T, detail::DescribedMembers<T>> {
    static constexpr std::uint8_t id = static_cast<std::uint8_t>(CodecId::described);
};

} // namespace tiercel
