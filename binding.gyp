# A bridge for tools that only know node-gyp: it runs the CMake build and puts the addon where
# node-gyp would. The build itself is described in native/CMakeLists.txt.
{
  'targets': [
    {
      'target_name': 'headend',
      'type': 'none',
      'actions': [
        {
          'action_name': 'cmake',
          'message': 'building native/CMakeLists.txt',
          'inputs': ['native/CMakeLists.txt'],
          'outputs': ['<(PRODUCT_DIR)/headend.node', '<(PRODUCT_DIR)/always'],
          'action': ['node', 'scripts/build-addon.mjs', '--config', '<(CONFIGURATION_NAME)'],
        },
      ],
    },
  ],
}
