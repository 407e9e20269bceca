export { assemblePackage, packPackage, type PackagePlan } from './assemble.js';
