# The walls between the rooms and the coroutine rules: the build fails where one is broken.
file(GLOB_RECURSE LSEND_ROOM_SOURCES CONFIGURE_DEPENDS
  ${CMAKE_SOURCE_DIR}/include/*.hpp ${CMAKE_SOURCE_DIR}/lib/*.hpp ${CMAKE_SOURCE_DIR}/lib/*.cpp
  ${CMAKE_SOURCE_DIR}/cmd/*.hpp ${CMAKE_SOURCE_DIR}/cmd/*.cpp)
add_custom_command(
  OUTPUT ${CMAKE_BINARY_DIR}/rooms.stamp
  COMMAND ${CMAKE_SOURCE_DIR}/scripts/check_rooms.sh ${CMAKE_SOURCE_DIR}
  COMMAND ${CMAKE_COMMAND} -E touch ${CMAKE_BINARY_DIR}/rooms.stamp
  DEPENDS ${LSEND_ROOM_SOURCES} ${CMAKE_SOURCE_DIR}/scripts/check_rooms.sh
  COMMENT "Checking the walls between rooms and the coroutine rules"
  VERBATIM)
add_custom_target(rooms ALL DEPENDS ${CMAKE_BINARY_DIR}/rooms.stamp)
