exports.Client = class {
  constructor() {
    throw new Error('engines are not reached over SSH')
  }
}
