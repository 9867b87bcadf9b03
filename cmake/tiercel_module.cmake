# One module = one folder = one target = one exported name.
include_guard(GLOBAL)
include(tiercel_install)

# Flags of our own builds; never passed on to consumers.
add_library(tiercel_own_flags INTERFACE)
target_compile_features(tiercel_own_flags INTERFACE cxx_std_20)
if(TIERCEL_DEVELOPER_MODE)
    target_compile_options(tiercel_own_flags INTERFACE
        -Wall -Wextra -Wconversion -Wshadow -Wnon-virtual-dtor -Werror
        $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety>
        # GCC 12 sees overlaps in `"text" + std::string` that are not there (GCC bug 105651).
        $<$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-Wno-restrict>)
    if(CMAKE_UNITY_BUILD)
        # One file's anonymous namespace stands beside another's; these warnings are for files on their own.
        target_compile_options(tiercel_own_flags INTERFACE -Wno-shadow
            $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
    endif()
    if(TIERCEL_SANITIZE)
        target_compile_options(tiercel_own_flags INTERFACE
            -fsanitize=${TIERCEL_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -g1
            # The sanitizers' own code confuses GCC 12's data flow: it warns of std::optional and variants.
            $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
        if(TIERCEL_SANITIZE STREQUAL "thread")
            # Asio fences around handlers what its mutexes order already; GCC warns that the sanitizer does not see it.
            target_compile_options(tiercel_own_flags INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-tsan>)
        endif()
        target_link_options(tiercel_own_flags INTERFACE -fsanitize=${TIERCEL_SANITIZE})
    endif()
endif()

# tiercel_module(<name> SOURCES ... HEADERS ... [PUBLIC ...] [PRIVATE ...])
# Makes tiercel_<name> (tiercel::<name>) from the current folder; headers stand in its include/ root, in the tree and
# installed, so that they resolve only for who links the module.
# PRIVATE libraries are for the .cpp files only; no header of theirs may appear in ours. What is needed to compile but
# leaves nothing to link goes in as $<BUILD_INTERFACE:...>. A library's package is its name before the `::`;
# cmake/tiercel_install.cmake makes the package's dependencies from that.
function(tiercel_module name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;HEADERS;PUBLIC;PRIVATE")
    set(target tiercel_${name})
    add_library(${target} ${arg_SOURCES})
    add_library(tiercel::${name} ALIAS ${target})
    set_target_properties(${target} PROPERTIES
        EXPORT_NAME ${name}
        DEFINE_SYMBOL "" # nothing asks for it; shared and static compile to the same objects
        VERSION ${PROJECT_VERSION}
        SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
        POSITION_INDEPENDENT_CODE ON
        INSTALL_RPATH "$ORIGIN"
        VERIFY_INTERFACE_HEADER_SETS ${TIERCEL_DEVELOPER_MODE})
    target_sources(${target} PUBLIC FILE_SET HEADERS BASE_DIRS include FILES ${arg_HEADERS})
    target_compile_features(${target} PUBLIC cxx_std_20)
    target_link_libraries(${target}
        PUBLIC ${arg_PUBLIC}
        PRIVATE ${arg_PRIVATE} $<BUILD_INTERFACE:tiercel_own_flags>)
    if(TIERCEL_INSTALL)
        tiercel_install_module(${name} PUBLIC ${arg_PUBLIC} PRIVATE ${arg_PRIVATE})
    endif()
endfunction()
