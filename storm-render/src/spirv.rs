//! What can be seen of a fragment shader before a driver gets it: its header, that its instructions are whole, its entry
//! point, what it asks of the device, and the interface that `shaders/surface.glsl` gives it.
//!
//! This is no validator: what a function computes, and which addresses it follows, only its author knows.

use std::collections::{HashMap, HashSet};

const MAGIC: u32 = 0x0723_0203;
const VERSION_MAX: u32 = 0x0001_0600;
/// Ids that a module may have; tools stop far below.
const IDS_MAX: u32 = 1 << 22;

const OP_MEMORY_MODEL: u16 = 14;
const OP_ENTRY_POINT: u16 = 15;
const OP_EXECUTION_MODE: u16 = 16;
const OP_CAPABILITY: u16 = 17;
const OP_TYPE_INT: u16 = 21;
const OP_TYPE_FLOAT: u16 = 22;
const OP_TYPE_VECTOR: u16 = 23;
const OP_TYPE_POINTER: u16 = 32;
const OP_FUNCTION: u16 = 54;
const OP_FUNCTION_END: u16 = 56;
const OP_VARIABLE: u16 = 59;
const OP_DECORATE: u16 = 71;

/// What the shaders of this crate ask for, by SPIR-V's numbers: devices are required to have it.
const CAPABILITIES: [u32; 11] = [
    0,    // Matrix
    1,    // Shader
    11,   // Int64
    29,   // SampledImageArrayDynamicIndexing
    50,   // ImageQuery
    51,   // DerivativeControl
    5301, // ShaderNonUniform
    5302, // RuntimeDescriptorArray
    5307, // SampledImageArrayNonUniformIndexing
    5347, // PhysicalStorageBufferAddresses
    4427, // DrawParameters
];

/// A component's kind, and how many of them.
type Shape = (Scalar, u32);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scalar {
    Float,
    Int,
}

/// By location.
const INPUTS: [(u32, Shape); 9] = [
    (0, (Scalar::Float, 3)),
    (1, (Scalar::Float, 3)),
    (2, (Scalar::Float, 4)),
    (3, (Scalar::Float, 4)),
    (4, (Scalar::Float, 4)),
    (5, (Scalar::Int, 2)),
    (6, (Scalar::Float, 3)),
    (7, (Scalar::Float, 3)),
    (8, (Scalar::Int, 1)),
];
const OUTPUTS: [(u32, Shape); 2] = [(0, (Scalar::Float, 4)), (1, (Scalar::Float, 1))];

/// Why a shader is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SurfaceError {
    /// The bytes are no SPIR-V, or another byte order's.
    #[error("{0} bytes are no SPIR-V module")]
    NotSpirv(usize),
    /// The version is newer than Vulkan 1.3 takes.
    #[error("SPIR-V {0}.{1} is newer than 1.6")]
    Version(u32, u32),
    /// An instruction does not end where the next begins.
    #[error("the instruction at word {0} is cut short or has operands missing")]
    Instruction(usize),
    /// There is not the one entry point that there should be.
    #[error("there is no single entry point \"main\" of a fragment shader")]
    EntryPoint,
    /// Devices are not required to have it.
    #[error("it asks for capability {0}, which devices need not have")]
    Capability(u32),
    /// It is not compiled against `surface.glsl`, or not as a fragment shader for Vulkan 1.3.
    #[error("it was not compiled against surface.glsl: {0}")]
    Interface(String),
    /// More names of parameters than there may be, or one twice.
    #[error("parameters are at most {limit}, each with a name of its own: {found:?}")]
    Parameters {
        /// The names.
        found: Vec<String>,
        /// How many there may be.
        limit: usize,
    },
    /// A material's surface has more textures than there may be.
    #[error("a surface has at most {limit} textures of its own, not {found}")]
    Textures {
        /// How many there are.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
    /// The shader has no parameter of this name, or the material no surface.
    #[error("there is no surface parameter \"{0}\"")]
    NoParameter(String),
}

#[derive(Default)]
struct Module {
    shapes: HashMap<u32, Shape>,
    /// What a pointer's type points to, with its storage class.
    pointers: HashMap<u32, u32>,
    /// Storage class and pointer type of each variable.
    variables: Vec<(u32, u32, u32)>,
    /// By target and decoration.
    decorations: HashMap<(u32, u32), u32>,
    entry_points: Vec<(u32, Vec<u8>)>,
    modes: HashSet<u32>,
    memory_model: Option<(u32, u32)>,
    in_function: bool,
}

const LOCATION: u32 = 30;
const BUILT_IN: u32 = 11;
const BINDING: u32 = 33;
const SET: u32 = 34;
const SPEC_ID: u32 = 1;

/// Checks a module for the interface of surfaces.
pub(crate) fn check(spirv: &[u8]) -> Result<(), SurfaceError> {
    let not = || SurfaceError::NotSpirv(spirv.len());
    if spirv.len() < 20 || !spirv.len().is_multiple_of(4) {
        return Err(not());
    }
    let words: Vec<u32> = spirv
        .chunks_exact(4)
        .map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]]))
        .collect();
    if words[0] != MAGIC || words[3] == 0 || words[3] > IDS_MAX || words[4] != 0 {
        return Err(not());
    }
    if words[1] > VERSION_MAX || words[1] < 0x0001_0000 {
        return Err(SurfaceError::Version(words[1] >> 16, words[1] >> 8 & 0xff));
    }
    let mut module = Module::default();
    let mut at = 5;
    while at < words.len() {
        let (length, op) = ((words[at] >> 16) as usize, words[at] as u16);
        let operands = words.get(at + 1..at + length).filter(|_| length > 0);
        let operands = operands.ok_or(SurfaceError::Instruction(at))?;
        module.instruction(op, operands, at)?;
        at += length;
    }
    if module.in_function {
        return Err(SurfaceError::Instruction(at));
    }
    module.check()
}

impl Module {
    fn instruction(&mut self, op: u16, operands: &[u32], at: usize) -> Result<(), SurfaceError> {
        match (op, operands) {
            (OP_CAPABILITY, [capability]) if CAPABILITIES.contains(capability) => {}
            (OP_CAPABILITY, &[capability]) => return Err(SurfaceError::Capability(capability)),
            (OP_MEMORY_MODEL, &[addressing, model]) => {
                self.memory_model = Some((addressing, model))
            }
            (OP_ENTRY_POINT, [model, _, name @ ..]) => {
                let bytes = name.iter().flat_map(|word| word.to_le_bytes());
                let name = bytes.take_while(|&byte| byte != 0).collect();
                self.entry_points.push((*model, name));
            }
            (OP_EXECUTION_MODE, [_, mode, ..]) => {
                self.modes.insert(*mode);
            }
            (OP_TYPE_INT, &[id, 32, _]) => {
                self.shapes.insert(id, (Scalar::Int, 1));
            }
            (OP_TYPE_FLOAT, [id, 32, ..]) => {
                self.shapes.insert(*id, (Scalar::Float, 1));
            }
            (OP_TYPE_VECTOR, &[id, component, count]) => {
                if let Some(&(scalar, 1)) = self.shapes.get(&component) {
                    self.shapes.insert(id, (scalar, count));
                }
            }
            (OP_TYPE_POINTER, &[id, _, pointee]) => {
                self.pointers.insert(id, pointee);
            }
            (OP_VARIABLE, &[kind, id, class, ..]) => self.variables.push((class, kind, id)),
            (OP_FUNCTION, _) if !self.in_function => self.in_function = true,
            (OP_FUNCTION_END, _) if self.in_function => self.in_function = false,
            (OP_DECORATE, [target, decoration, rest @ ..]) => {
                let value = rest.first().copied().unwrap_or(0);
                self.decorations.insert((*target, *decoration), value);
            }
            (
                OP_CAPABILITY | OP_MEMORY_MODEL | OP_ENTRY_POINT | OP_EXECUTION_MODE | OP_FUNCTION
                | OP_FUNCTION_END | OP_TYPE_VECTOR | OP_TYPE_POINTER | OP_VARIABLE | OP_DECORATE,
                _,
            ) => return Err(SurfaceError::Instruction(at)),
            _ => {}
        }
        Ok(())
    }

    fn check(&self) -> Result<(), SurfaceError> {
        let wrong = |what: &str| Err(SurfaceError::Interface(what.to_owned()));
        // Fragment shaders are model 4.
        match &self.entry_points[..] {
            [(4, name)] if name == b"main" => {}
            _ => return Err(SurfaceError::EntryPoint),
        }
        // Addresses of 64 bits, and GLSL's model of memory.
        if self.memory_model != Some((5348, 1)) {
            return wrong("it has another memory model");
        }
        // Origin at the upper left; depth is the vertices'.
        if !self.modes.contains(&7) || self.modes.contains(&12) {
            return wrong("its origin is not the upper left, or it writes depth");
        }
        let mut constants = self
            .decorations
            .iter()
            .filter(|((_, kind), _)| *kind == SPEC_ID);
        if !constants.clone().any(|(_, &number)| number == 0) || constants.any(|(_, &n)| n != 0) {
            return wrong("it has not the one specialization constant, 0");
        }
        let mut colors = 0;
        for &(class, kind, id) in &self.variables {
            let decoration = |kind| self.decorations.get(&(id, kind)).copied();
            match class {
                // Of modules and functions, and push constants.
                6 | 7 | 9 => {}
                1 | 3 if decoration(BUILT_IN).is_some() => {
                    // FragCoord, PointCoord, FrontFacing, HelperInvocation.
                    if class == 3 || !matches!(decoration(BUILT_IN), Some(15 | 16 | 17 | 23)) {
                        return wrong("it uses a built-in variable that it may not");
                    }
                }
                1 | 3 => {
                    let table: &[(u32, Shape)] = if class == 1 { &INPUTS } else { &OUTPUTS };
                    let location = decoration(LOCATION);
                    let shape = self.pointers.get(&kind).and_then(|to| self.shapes.get(to));
                    let known = table
                        .iter()
                        .any(|(number, wanted)| Some(*number) == location && Some(wanted) == shape);
                    if !known {
                        let direction = if class == 1 { "input" } else { "output" };
                        let place =
                            location.map_or("no location".to_owned(), |l| format!("location {l}"));
                        return wrong(&format!(
                            "its {direction} at {place} is none of the header's"
                        ));
                    }
                    colors += u32::from(class == 3);
                }
                0 => match (decoration(SET), decoration(BINDING)) {
                    (Some(0), Some(0..=2)) | (Some(1), Some(0..=7)) => {}
                    (set, binding) => {
                        return wrong(&format!(
                            "its resource at set {set:?}, binding {binding:?} is none of the header's"
                        ));
                    }
                },
                class => {
                    return wrong(&format!("it has a variable of storage class {class}"));
                }
            }
        }
        if colors == 0 {
            return wrong("it writes no colour");
        }
        Ok(())
    }
}
